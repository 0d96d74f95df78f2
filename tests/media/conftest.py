from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from marhaba.media.testing import Studio
from marhaba.media.wav import WavWriter

Maker = Callable[[str, np.ndarray], str]


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.close()


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """Writes a WAV of these samples and returns its path."""

    def made(name: str, samples: np.ndarray) -> str:
        path = tmp_path / name
        path.unlink(missing_ok=True)
        writer = WavWriter(path, channels=1, codec="pcm16")
        writer.append(samples.astype("<i2").tobytes())
        writer.close()
        return str(path)

    return made
