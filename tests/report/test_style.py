"""Every colour can be read on its ground, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import pytest

from marhaba.report.style import DARK, LIGHT, PAGE

SETS = {"light": LIGHT, "dark": DARK}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", SETS.values(), ids=SETS)
@pytest.mark.parametrize("ground", ["paper", "shade"])
@pytest.mark.parametrize("name", ["ink", "soft", "first", "second", "good", "bad"])
def test_text_and_strokes_stand_out(colours: dict[str, str], ground: str, name: str) -> None:
    assert contrast(colours[name], colours[ground]) >= 4.5


def test_the_two_sets_have_the_same_names_and_all_are_used() -> None:
    assert LIGHT.keys() == DARK.keys()
    for name in LIGHT:
        assert f"var(--{name})" in PAGE, name
