"""The simulator as Python executes it: the source of every compiled function, over arrays of records.

Numba keeps the Python function of each that it compiled; here they call each other instead of the machine code. Slower
a thousand times, for comparison: what the compiler made of the source says the same as the source.
"""

from __future__ import annotations

from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from marhaba.simulator import building
from marhaba.simulator.compiled import SOURCES
from marhaba.simulator.model import ModelData
from marhaba.simulator.simulate import SLICE
from marhaba.simulator.world import World

_made: dict[str, ModuleType] = {}


def interpreted(name: str) -> Any:
    """A module of the simulator in which no function is compiled."""
    if name in SOURCES:
        return import_module(name)
    if name not in _made:
        original = import_module(name)
        made = _made[name] = ModuleType(name)
        made.__dict__.update(original.__dict__)
        for key, value in original.__dict__.items():
            if isinstance(value, ModuleType) and value.__name__ in SOURCES:
                made.__dict__[key] = import_module(value.__name__)
            elif isinstance(value, ModuleType) and value.__name__.startswith("marhaba.simulator."):
                made.__dict__[key] = interpreted(value.__name__)
            elif hasattr(value, "py_func"):
                made.__dict__[key] = _function(value.py_func, made, name)
    return _made[name]


def _function(source: FunctionType, made: ModuleType, name: str) -> Any:
    if source.__module__ != name:
        return getattr(interpreted(source.__module__), source.__name__)
    return FunctionType(source.__code__, made.__dict__, source.__name__, source.__defaults__)


def run(
    data: ModelData, *, seed: int, contacts: int = building.CONTACTS_FIRST, trace: int = 0
) -> tuple[int, World]:
    """One replication, the first: its last status, and the world as it is then."""
    engine = interpreted("marhaba.simulator.engine")
    template = building.template(data, contacts=contacts, trace=trace)
    world = building.fresh(template.world)
    building.set_streams(template, world, seed=seed, replication=0)
    seen = _records(world)._replace(t=_records(world.t))
    with np.errstate(over="ignore"):
        engine.begin(seen)
        status = engine.run(seen, 1)
        while status == interpreted("marhaba.simulator.agenda").MORE:
            status = engine.run(seen, SLICE)
    return int(status), world


def _records(arrays: Any) -> Any:
    """Rows whose fields are attributes, as the compiler sees them; the same memory."""
    return arrays._replace(
        **{
            name: part.view(np.recarray)
            for name, part in arrays._asdict().items()
            if getattr(part, "dtype", None) is not None and part.dtype.names
        }
    )
