"""The kernel's second execution: the same source, handed to a compiler.

`twin(module)` executes a kernel module's source once more, with every function of it, and every function it takes
from another kernel module, compiled (numba, nopython). No rule is written twice: what the floor interprets, the
simulator runs as machine code, and `tests/simulator` demands the same decisions of both.

Compiled code is kept on disk, under a name that contains the digest of all that it was made of: numba itself looks
only at the file a function stands in, and would go on using a function whose callee has changed.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import numba

CACHES_MAX = 4
"""Older ones are of other versions, a few megabytes each."""
SOURCES = ("marhaba.kernel.rows", "marhaba.kernel.heap", "marhaba.kernel.matching")
PLAIN = frozenset(
    ("cluster", "crowd", "figures", "model", "phone_audio", "phones", "plots", "result", "simulate")
)
"""Modules of this room of which nothing becomes machine code: they may change and what is compiled stays good."""
_Function = TypeVar("_Function", bound=Callable[..., Any])
_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_twins: dict[str, ModuleType] = {}


def cache_folder() -> Path:
    """Where compiled code lies: the user's cache, else a folder of the package."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "marhaba" / "compiled"


def source_digest() -> str:
    """Over the sources that become machine code, the compiler and the interpreter."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    room = Path(__file__).parent
    own = [file for file in sorted(room.glob("*.py")) if file.stem not in PLAIN]
    files = [*own, *(Path(str(import_module(name).__file__)) for name in SOURCES)]
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def twin(name: str) -> ModuleType:
    """A kernel module ("marhaba.kernel.matching") compiled; its data and types are shared with the original."""
    if name not in _twins:
        _twins[name] = _make_twin(import_module(name))
    return _twins[name]


def entry(function: _Function) -> _Function:
    """Compile a function that Python calls. It runs without the interpreter's lock, so that threads share the cores.

    Nothing here may allocate: memory that is counted would be counted at every call.
    """
    made: _Function = numba.njit(cache=True, **_FLAGS)(function)
    return made


def compiled(function: _Function) -> _Function:
    """Compile a function that compiled code calls. It is kept on disk as a part of its `entry` only."""
    made: _Function = numba.njit(**_FLAGS)(function)
    return made


def inlined(function: _Function) -> _Function:
    """The same for a small one, which becomes part of its caller."""
    made: _Function = numba.njit(forceinline=True, **_FLAGS)(function)
    return made


def _make_twin(original: ModuleType) -> ModuleType:
    made = ModuleType(original.__name__)
    made.__dict__.update(original.__dict__)
    for key, value in original.__dict__.items():
        if isinstance(value, ModuleType) and value.__name__ in SOURCES:
            made.__dict__[key] = twin(value.__name__)
        elif isinstance(value, FunctionType) and value.__module__ == original.__name__:
            again = FunctionType(
                value.__code__, made.__dict__, value.__name__, value.__defaults__, value.__closure__
            )
            again.__module__ = value.__module__
            again.__qualname__ = value.__qualname__
            made.__dict__[key] = compiled(again)
    return made


def _prepare_cache() -> None:
    folder = cache_folder() / source_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # compiled anew each time
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
    numba.config.reload_config()  # type: ignore[no-untyped-call]


_prepare_cache()
