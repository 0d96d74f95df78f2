"""What a person may have typed, as arrays of floats: checked once, here, where it enters planning."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from marhaba.kernel.errors import BadInput, LimitReached

Array = npt.NDArray[np.float64]
Numbers = npt.ArrayLike
"""A number or an array of numbers; arrays broadcast against each other as numpy's do."""
AGENTS_MAX: Final = 100_000
"""Agents or lines of one group. The formulas are tested up to here; no centre is as large."""


def numbers(name: str, value: Numbers) -> Array:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name}: {value!r} is no number", code="number", about={"name": name}) from None
    _demand(not np.isnan(array).any(), name, array, "is no number", "number")
    return array


def not_negative(name: str, value: Numbers) -> Array:
    array = numbers(name, value)
    _demand(bool((array >= 0).all()), name, array, "must not be negative", "negative")
    _demand(bool(np.isfinite(array).all()), name, array, "must be finite", "finite")
    return array


def positive(name: str, value: Numbers, *, endless: bool = False) -> Array:
    """`endless`: infinity is meant as well."""
    array = numbers(name, value)
    _demand(bool((array > 0).all()), name, array, "must be above 0", "positive")
    _demand(endless or bool(np.isfinite(array).all()), name, array, "must be finite", "finite")
    return array


def share(name: str, value: Numbers) -> Array:
    """Strictly between 0 and 1."""
    array = numbers(name, value)
    _demand(bool(((array > 0) & (array < 1)).all()), name, array, "must lie between 0 and 1", "share")
    return array


def share_max(name: str, value: Numbers) -> Array:
    """The most that is allowed: above 0; 1 allows everything."""
    array = numbers(name, value)
    _demand(bool(((array > 0) & (array <= 1)).all()), name, array, "must be above 0, and 1 at most", "share")
    return array


def whole(name: str, value: Numbers, *, least: int = 0) -> Array:
    """Whole numbers from `least` to AGENTS_MAX, as floats."""
    array = not_negative(name, value)
    _demand(bool((array == np.floor(array)).all()), name, array, "must be whole", "whole")
    _demand(bool((array >= least).all()), name, array, f"must be {least} at least", "whole")
    if (array > AGENTS_MAX).any():
        raise LimitReached(f"{name}: {array.max():g}, and {AGENTS_MAX} at most", code="agents-max")
    return array


def one(name: str, array: Array) -> float:
    """For those functions that answer one question at a time."""
    _demand(array.ndim == 0, name, array, "must be one number", "number")
    return float(array)


def together(*arrays: Array) -> tuple[Array, ...]:
    """All of one shape."""
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise BadInput(f"shapes that do not fit together: {shapes}", code="shapes") from None


def _demand(holds: bool, name: str, array: Array, what: str, code: str) -> None:
    if not holds:
        shown = np.array2string(array, threshold=6, precision=6)
        raise BadInput(f"{name} {what}: {shown}", code=code, about={"name": name})
