"""Many arrays behind one pointer, for compiled code.

A named tuple of fifty arrays is some four hundred words, and compiled functions take their arguments by value: handing
it on would cost more than what is done with it. `Pack` keeps the same words in memory that does not change and is a
pointer to them; `pack.agents` reads the array from there, and the compiler is told that it is always the same.

The arrays are borrowed: `hold` keeps them, the functions that use a pack count no references (`_nrt=False`).
"""

from __future__ import annotations

import zlib
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

WORD = 8
_Arrays = TypeVar("_Arrays")


class Pack(types.Type):
    """The compiled type: `fields` are names with their types, arrays or packs."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = dict(fields)
        self.place: dict[str, int] = {}
        self.size = 0
        for field, type_ in fields:
            self.place[field] = self.size
            self.size += type_.size if isinstance(type_, Pack) else WORD * (5 + 2 * type_.ndim)
        # The name goes into every symbol, so it is short; the digest stands for the fields.
        super().__init__(name=f"{name}{zlib.crc32(repr(fields).encode()):08x}")


@register_model(Pack)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Pack) -> None:
        super().__init__(manager, type_, ir.IntType(8).as_pointer())


@infer_getattr
class _Attributes(AttributeTemplate):
    key = Pack

    def generic_resolve(self, pack: Pack, attribute: str) -> Any:
        return pack.fields.get(attribute)


@lower_getattr_generic(Pack)
def _read(context: Any, builder: Any, pack: Pack, value: Any, attribute: str) -> Any:
    at = builder.gep(value, [ir.Constant(ir.IntType(64), pack.place[attribute])])
    field = pack.fields[attribute]
    if isinstance(field, Pack):
        return at  # it stands within
    return _load(builder, at, context.get_value_type(field))


def _load(builder: Any, at: Any, shape: Any) -> Any:
    """An array's words one by one, so that those nobody needs are not read."""
    made = ir.Constant(shape, ir.Undefined)
    typed = builder.bitcast(at, shape.as_pointer())
    for number, element in enumerate(shape.elements):
        place = cgutils.gep_inbounds(builder, typed, 0, number)
        if isinstance(element, ir.ArrayType):
            part = ir.Constant(element, ir.Undefined)
            for index in range(element.count):
                word = builder.load(cgutils.gep_inbounds(builder, place, 0, index))
                _never_changes(builder, word)
                part = builder.insert_value(part, word, index)
        else:
            part = builder.load(place)
            _never_changes(builder, part)
        made = builder.insert_value(made, part, number)
    return made


def _never_changes(builder: Any, load: Any) -> None:
    load.set_metadata("invariant.load", builder.module.add_metadata([]))


class Packed:
    """A named tuple of arrays, and the memory in which compiled code finds them. A named tuple inside it is a pack inside."""

    def __init__(self, arrays: Any, type_: Pack) -> None:
        self.arrays = arrays
        self.type = type_
        self._words = np.array(_words(arrays), np.int64)
        self.address = self._words.ctypes.data


def type_of(name: str, arrays: Any) -> Pack:
    """The compiled type of a named tuple of arrays; the same for all of like arrays."""
    parts = zip(arrays._fields, arrays, strict=True)
    return Pack(
        name,
        tuple(
            (field, type_of(field, part) if hasattr(part, "_fields") else numba.typeof(part))
            for field, part in parts
        ),
    )


def _words(arrays: Any) -> list[int]:
    """As numba lays an array out: no owner, no parent, items, bytes an item, address, shape, strides."""
    words: list[int] = []
    for part in arrays:
        if hasattr(part, "_fields"):
            words += _words(part)
        else:
            words += [0, 0, part.size, part.itemsize, part.ctypes.data, *part.shape, *part.strides]
    return words


def pack(arrays: _Arrays, type_: Pack) -> _Arrays:
    """For compiled code the same as the named tuple; the arrays must live for as long. `type_`: of `type_of`."""
    return cast(_Arrays, Packed(arrays, type_))


@typeof_impl.register(Packed)
def _typeof(value: Packed, context: Any) -> Pack:
    return value.type


@unbox(Pack)
def _unbox(pack: Pack, value: Any, context: Any) -> NativeValue:
    number = context.pyapi.object_getattr_string(value, "address")
    address = context.pyapi.long_as_longlong(number)
    context.pyapi.decref(number)
    return NativeValue(context.builder.inttoptr(address, ir.IntType(8).as_pointer()))
