"""What large groups have in common: the limits of Halfin and Whitt and of Garnett, and staffing by the square root.

With n = a + beta sqrt(a) agents for a load of a erlangs, the probability of waiting tends to a number between 0 and 1
that depends on beta alone (and on how fast callers give up): the safety staffing grows only with the square root.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx

from marhaba.planning import inputs
from marhaba.planning.inputs import Array, Numbers

BETA_MAX: Final = 40.0
"""Beyond it nobody waits, or everybody, to the last digit."""
HALVINGS: Final = 60
"""Of 80 units: to the last digit."""


def halfin_whitt(beta: Numbers) -> Array:
    """The limit of P(W > 0) of Erlang C, beta > 0: Halfin and Whitt 1981 (Operations Research 29:567)."""
    b = inputs.positive("beta", beta)
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + b * _mills(-b)))


def garnett(beta: Numbers, leaving_ratio: Numbers) -> Array:
    """The limit of P(W > 0) of Erlang A, any beta: Garnett, Mandelbaum and Reiman 2002 (MSOM 4:208).

    `leaving_ratio`: handling time over mean patience, theta / mu.
    """
    b, ratio = inputs.together(inputs.numbers("beta", beta), inputs.positive("leaving ratio", leaving_ratio))
    root = np.sqrt(ratio)
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + root * _mills(-b) / _mills(b / root)))


def beta_for_waiting(waiting: Numbers, leaving_ratio: Numbers = 0.0) -> Array:
    """The beta at which the share `waiting` of callers waits; `leaving_ratio` 0: nobody gives up."""
    part, ratio = inputs.together(
        inputs.share("waiting", waiting), inputs.not_negative("leaving ratio", leaving_ratio)
    )
    patient = ratio == 0
    low, high = np.where(patient, 0.0, -BETA_MAX), np.full_like(part, BETA_MAX)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        never_leaving = halfin_whitt(np.where(patient, middle, 1.0))
        wait = np.where(patient, never_leaving, garnett(middle, np.where(patient, 1.0, ratio)))
        low, high = np.where(wait > part, middle, low), np.where(wait > part, high, middle)
    return (low + high) / 2


def square_root_staffing(load: Numbers, beta: Numbers) -> npt.NDArray[np.int64]:
    """ceil(a + beta sqrt(a)) agents; `load` may be a curve over the day (Jennings and others 1996, see
    `time_varying.py`)."""
    a, b = inputs.together(inputs.not_negative("load", load), inputs.numbers("beta", beta))
    return np.ceil(np.maximum(a + b * np.sqrt(a), 0)).astype(np.int64)


def _mills(x: Array) -> Array:
    """(1 - Phi(x)) / phi(x) of the normal law; infinite far to the left."""
    return np.asarray(np.sqrt(np.pi / 2) * erfcx(x / np.sqrt(2)))
