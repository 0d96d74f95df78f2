"""The simulator as Python executes it: the source of every compiled function, over arrays of records.

Numba keeps the Python function of each that it compiled; here they call each other instead of the machine code. Slower
a thousand times, for comparison: what the compiler made of the source says the same as the source.
"""

from __future__ import annotations

from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from marhaba.simulator import building, engine
from marhaba.simulator.agenda import MORE
from marhaba.simulator.building import CONTACTS_FIRST
from marhaba.simulator.compiled import SOURCES
from marhaba.simulator.model import ModelData
from marhaba.simulator.packed import pack, type_of
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
    data: ModelData, *, seed: int, trace: int = 0, contacts: int = CONTACTS_FIRST, events: int = 0
) -> tuple[int, World]:
    """One replication, the first: its last status, and the world as it is then. `events`: room for no more."""
    world = new_world(data, seed=seed, trace=trace, contacts=contacts, events=events)
    source = interpreted("marhaba.simulator.engine")
    seen = records(world)._replace(t=records(world.t))
    with np.errstate(over="ignore"):
        source.begin(seen)
        status = source.run(seen, 1)
        while status == MORE:
            status = source.run(seen, SLICE)
    return int(status), world


def run_compiled(
    data: ModelData, *, seed: int, trace: int = 0, contacts: int = CONTACTS_FIRST, events: int = 0
) -> tuple[int, World]:
    """The same as machine code."""
    world = new_world(data, seed=seed, trace=trace, contacts=contacts, events=events)
    packed = pack(world, type_of("World", world))
    engine.begin(packed)
    status = engine.run(packed, 1)
    while status == MORE:
        status = engine.run(packed, SLICE)
    return int(status), world


def new_world(data: ModelData, *, seed: int, trace: int, contacts: int, events: int) -> World:
    template = building.template(data, contacts=contacts, trace=trace)
    world = building.fresh(template.world)
    building.set_streams(template, world, seed=seed, replication=0)
    if events:
        world = world._replace(
            event_ats=world.event_ats[:events].copy(), event_tags=world.event_tags[:events].copy()
        )
    return world


def records(arrays: Any) -> Any:
    """Rows whose fields are attributes, as the compiler sees them; the same memory."""
    return arrays._replace(
        **{
            name: part.view(np.recarray)
            for name, part in arrays._asdict().items()
            if getattr(part, "dtype", None) is not None and part.dtype.names
        }
    )
