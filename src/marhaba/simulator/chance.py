"""Chance by counting: the n-th draw of a stream is a function of (stream, n), whatever was drawn before.

So two runs with different staffing give the same caller the same patience (common random numbers), and every
stream can be read from several places. The mixing is SplitMix64's finaliser (Steele, Lea & Flood, OOPSLA 2014,
constants of Stafford's mix 13), twice over the key so that neighbouring streams have nothing in common.
"""

from __future__ import annotations

import math
import zlib
from typing import Final

import numpy as np

from marhaba.simulator.compiled import inlined

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT: Final = 1.0 / (1 << 53)
_HALF: Final = 0.5 * _UNIT


def stream_name(name: str) -> int:
    """A number for a stream's name that is the same on every machine."""
    return zlib.crc32(name.encode())


@inlined
def mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@inlined
def key_of(seed: int, replication: int, stream: int) -> np.uint64:
    """The key of a stream: one by (seed, replication, name)."""
    z = mix(np.uint64(seed) + GOLDEN)
    z = mix(z ^ (np.uint64(replication) * GOLDEN + np.uint64(1)))
    return mix(z ^ (np.uint64(stream) * GOLDEN + np.uint64(2)))


@inlined
def uniform(key: np.uint64, n: int) -> float:
    """In (0, 1), both ends excluded."""
    return float(mix(key + np.uint64(n) * GOLDEN) >> _S11) * _UNIT + _HALF


@inlined
def sub_key(key: np.uint64, n: int) -> np.uint64:
    """A stream of its own for the n-th draw, where that takes an unknown number of uniforms."""
    return mix(mix(key + np.uint64(n) * GOLDEN) ^ GOLDEN)


@inlined
def normal(u: float) -> float:
    """The standard normal quantile (Wichura 1988, algorithm AS 241, PPND16: about 1e-16)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * (
            ((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
               + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
             + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
        ) / (
            ((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
               + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
             + 4.2313330701600911252e1) * r + 1.0
        )  # fmt: skip
    r = math.sqrt(-math.log(min(u, 1.0 - u)))
    if r <= 5.0:
        r -= 1.6
        x = (
            ((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
               + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
             + 4.63033784615654529590e0) * r + 1.42343711074968357734e0
        ) / (
            ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
               + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
             + 2.05319162663775882187e0) * r + 1.0
        )  # fmt: skip
    else:
        r -= 5.0
        x = (
            ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
               + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
             + 5.46378491116411436990e0) * r + 6.65790464350110377720e0
        ) / (
            ((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
               + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
             + 5.99832206555887937690e-1) * r + 1.0
        )  # fmt: skip
    return -x if q < 0.0 else x


@inlined
def gamma(shape: float, key: np.uint64) -> float:
    """With mean `shape` and scale 1 (Marsaglia & Tsang 2000; below 1 by their boost)."""
    count = 0
    boost = 1.0
    alpha = shape
    if alpha < 1.0:
        boost = uniform(key, count) ** (1.0 / alpha)
        count += 1
        alpha += 1.0
    d = alpha - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal(uniform(key, count))
        u = uniform(key, count + 1)
        count += 2
        v = (1.0 + c * x) ** 3
        if v > 0.0 and math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
            return boost * d * v
