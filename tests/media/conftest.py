from collections.abc import Iterator

import pytest

from marhaba.media.testing import Studio


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.close()
