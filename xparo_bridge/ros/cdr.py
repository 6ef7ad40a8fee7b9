# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write the source text of a function that reads some fields out of CDR bytes.

The encoding is plain CDR, version 1 (DDS-XTypes 1.3, 7.4.3; OMG CORBA 3.3 part 2, 9.3): a header
of four bytes, then every primitive aligned to its own size counted from the end of the header;
strings and sequences are a length, which for strings counts the closing NUL, and the elements.

The generator walks the type once. It keeps what it knows of the position at that point: `_offset`
bytes behind the variable `o`, which itself is `_rest` modulo `_modulus`. So members between two
strings or sequences become one `struct` format with its padding worked out beforehand, and only
where the position is not known an alignment is computed at run time. Members that are not
selected are skipped, and the text ends behind the last selected one.

The names in the text are those of installed ROS types, so nothing in it comes from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import struct
from typing import Any

import numpy
from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractType,
    Array,
    BasicType,
    NamespacedType,
)

from ..errors import BadInput
from .fields import class_of, is_time, members
from .paths import Field, Path, Pick, Select
from .values import exact, exact_array

_FORMATS = {
    'boolean': '?',
    'octet': 'B',
    'char': 'B',
    'uint8': 'B',
    'int8': 'b',
    'int16': 'h',
    'uint16': 'H',
    'int32': 'i',
    'uint32': 'I',
    'int64': 'q',
    'uint64': 'Q',
    'float': 'f',
    'double': 'd',
}
_BYTES = ('octet', 'char', 'uint8')
_INT64 = ('int64', 'uint64')
# Elements that are no primitives, of one message: each takes 1 to 3 µs, in which no other callback
# runs, and whoever sends a message says how many there are.
MAX_ELEMENTS = 20_000
_INLINE = 64  # A fixed array up to this length is cheaper in the struct than by numpy.


class UnsupportedType(BadInput):
    """A member whose encoding differs between middlewares (wstring) or is not known here."""


@dataclass
class Selection:
    """What is selected of a member: all of it, its length, or some of its own members."""

    whole: bool = False
    length: bool = False
    members: dict[str, Selection] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Select also what a path needs; an index or slice needs its whole array."""
        here = self
        for step in path.steps:
            if isinstance(step, Field):
                here = here.members.setdefault(step.name, Selection())
            elif isinstance(step, Select):
                for key, _ in step.conditions:
                    beside = here
                    for name in key:
                        beside = beside.members.setdefault(name, Selection())
                    beside.whole = True
            elif isinstance(step, Pick):
                for name, _ in step.conditions:
                    here.members.setdefault(name, Selection()).whole = True
                here = here.members.setdefault(step.field, Selection())
        if (
            path.function == 'count'
            and path.steps
            and all(isinstance(step, Field) for step in path.steps)
        ):
            here.length = True
        else:
            here.whole = True

    @property
    def anything(self) -> bool:
        return self.whole or self.length or bool(self.members)


@dataclass
class Read:
    """Expressions for what was read of a member."""

    whole: str = 'None'
    length: str = 'None'
    members: dict[str, Read] = field(default_factory=dict)


class Generator:
    """Text of the statements that read what is selected of one type, and the names they use."""

    def __init__(self, order: str) -> None:
        """Take the byte order, `<` or `>`."""
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            'frombuffer': numpy.frombuffer,
            'exact': exact,
            'exact_array': exact_array,
        }
        self._order = order
        self._indent = 1
        self._modulus, self._rest, self._offset = 8, 0, 0
        self._run = ''  # Formats of the struct being gathered,
        self._run_start = 0  # which begins so many bytes behind `o`,
        self._run_length = 0  # has so many values,
        self._run_end = 0  # and ends here.
        self._count = 0
        self._loops = False

    def message(self, cls: type, selection: Selection) -> Read:
        """Read what is selected of the message that begins here."""
        self._line('o = 4')
        read = self._struct(members(cls), selection, last=True)
        if self._loops:
            self.lines.insert(0, '    n = 0')
        self._flush()
        self._line(f'if o + {self._offset} > len(b): raise ValueError("message cut short")')
        return read

    # --- position ---

    def _line(self, text: str) -> None:
        self.lines.append('    ' * self._indent + text)

    def _name(self, value: Any = None) -> str:
        self._count += 1
        name = f'v{self._count}'
        if value is not None:
            self.names[name] = value
        return name

    def _align(self, size: int) -> None:
        if self._modulus % size == 0:
            self._offset += -(self._rest + self._offset) % size
            return
        self._flush()
        # Positions count from the end of the 4-byte header, `o` from the start of the bytes.
        self._line(
            f'o = o + {self._offset + 3} & -8 | 4'
            if size == 8
            else f'o = o + {self._offset + size - 1} & -{size}'
        )
        self._modulus, self._rest, self._offset = size, 0, 0

    def _flush(self) -> None:
        """Emit the struct gathered so far."""
        if not self._run:
            return
        unpack = self._name(struct.Struct(self._order + self._run).unpack_from)
        at = f'o + {self._run_start}' if self._run_start else 'o'
        self._line(f'{self._tuple} = {unpack}(b, {at})')
        self._run, self._run_length = '', 0

    def _gather(self, form: str, count: int, size: int) -> tuple[str, int]:
        """Add values at the position to the struct; its tuple's name and their index in it."""
        if not self._run:
            self._run_start = self._run_end = self._offset
            self._tuple = self._name()
        padding = self._offset - self._run_end
        self._run += ('x' * padding if padding < 3 else f'{padding}x') + form
        index = self._run_length
        self._run_length += count
        self._offset += size
        self._run_end = self._offset
        return self._tuple, index

    def _settle(self, modulus: int, advance: str = '') -> None:
        """Move `o` to the position, which from here on is known only modulo `modulus`."""
        self._flush()
        moves = [str(self._offset)] * bool(self._offset) + [advance] * bool(advance)
        if moves:
            self._line(f'o += {" + ".join(moves)}')
        self._modulus, self._rest, self._offset = modulus, 0, 0

    # --- types ---

    def _member(self, kind: AbstractType, selection: Selection, last: bool) -> Read:
        if isinstance(kind, BasicType):
            return self._primitive(kind, selection)
        if isinstance(kind, AbstractString):
            return self._string(selection)
        if isinstance(kind, NamespacedType):
            return self._struct(members(class_of(kind)), selection, last, is_time(kind))
        if isinstance(kind, Array):
            return self._array(kind, selection)
        if isinstance(kind, AbstractNestedType):
            return self._sequence(kind, selection)
        raise UnsupportedType(f'no reader for {type(kind).__name__}')

    def _struct(self, has: Any, selection: Selection, last: bool, time: bool = False) -> Read:
        if not has:  # An empty message travels as one byte.
            self._offset += 1
            return Read('{}')
        whole = Selection(whole=True)
        parts = {name: selection.members.get(name) or Selection() for name in has}
        if selection.whole:
            parts = dict.fromkeys(has, whole) | {
                name: Selection(True, part.length, part.members)
                for name, part in selection.members.items()
            }
        remaining = [name for name in has if parts[name].anything]
        read = Read()
        for name, kind in has.items():
            if last and not remaining:
                break
            if remaining[:1] == [name]:
                remaining.pop(0)
            read.members[name] = self._member(kind, parts[name], last and not remaining)
        if time and selection.whole:
            read.whole = f'{read.members["sec"].whole} + {read.members["nanosec"].whole} / 1e9'
        else:
            read.whole = (
                '{'
                + ', '.join(
                    f'{name!r}: {read.members[name].whole}'
                    for name in has
                    if parts[name].whole or parts[name].members
                )
                + '}'
            )
        return read

    def _primitive(self, kind: BasicType, selection: Selection) -> Read:
        form = _format(kind)
        size = struct.calcsize('=' + form)
        self._align(size)
        if not selection.whole:
            self._offset += size
            return Read()
        values, index = self._gather(form, 1, size)
        read = f'{values}[{index}]'
        return Read(f'exact({read})' if kind.typename in _INT64 else read)

    def _length(self) -> str:
        """Read the length of a string or sequence into a variable; the position is behind it."""
        self._align(4)
        values, index = self._gather('I', 1, 4)
        self._flush()
        return f'{values}[{index}]'

    def _string(self, selection: Selection) -> Read:
        length = self._length()
        read = Read(length=f'max({length} - 1, 0)')
        if selection.whole or selection.length:
            read.whole = self._name()
            at = self._offset
            self._line(
                f'{read.whole} = str(b[o + {at}:o + {at - 1} + {length}], "utf-8", "replace")'
            )
            read.length = f'len({read.whole})'
        self._settle(1, length)
        return read

    def _array(self, kind: Array, selection: Selection) -> Read:
        inner, count = kind.value_type, kind.size
        if not isinstance(inner, BasicType):
            return Read(self._loop(inner, str(count), selection), str(count))
        form = _format(inner)
        size = struct.calcsize('=' + form)
        self._align(size)
        read = Read(length=str(count))
        if not selection.whole:
            self._offset += size * count
        elif inner.typename in _BYTES:
            values, index = self._gather(f'{count}s', 1, count)
            read.whole = f'{values}[{index}]'
        elif count <= _INLINE or inner.typename == 'boolean':
            values, index = self._gather(f'{count}{form}', count, size * count)
            read.whole = f'{values}[{index}:{index + count}]'
            if inner.typename in _INT64:
                read.whole = f'[exact(x) for x in {read.whole}]'
        else:
            self._flush()
            read.whole = self._numbers(inner, str(count))
            self._offset += size * count
        return read

    def _sequence(self, kind: AbstractNestedType, selection: Selection) -> Read:
        length = self._length()
        read = Read(length=length)
        inner = kind.value_type
        if not isinstance(inner, BasicType):
            flat = None if selection.whole or selection.members else _flat(inner)
            if flat is None:
                read.whole = self._loop(inner, length, selection)
                return read
            # None is selected, so the points of a marker are passed over at once.
            inner, count = flat
            length = f'{length} * {count}'
        size = struct.calcsize('=' + _format(inner))
        if size == 8 and self._modulus < 8:
            self._settle(4)
            # An empty sequence is not padded to the alignment of the elements it lacks.
            self._line(f'if {length}: o = o + 3 & -8 | 4')
        elif size == 8:
            padding = -(self._rest + self._offset) % 8
            self._settle(4)
            if padding:
                self._line(f'if {length}: o += {padding}')
        if selection.whole and inner.typename in _BYTES:
            read.whole = self._name()
            self._line(f'{read.whole} = b[o + {self._offset}:o + {self._offset} + {length}]')
        elif selection.whole and inner.typename == 'boolean':
            read.whole = self._name()
            self._line(
                f'{read.whole} = [x != 0 for x in '
                f'b[o + {self._offset}:o + {self._offset} + {length}]]'
            )
        elif selection.whole:
            read.whole = self._numbers(inner, length)
        self._settle(min(size, 4), length if size == 1 else f'{length} * {size}')
        return read

    def _numbers(self, kind: BasicType, count: str) -> str:
        """Read an array of numbers at the position, which is left where it is."""
        name = self._name()
        dtype = numpy.dtype(self._order + _format(kind))
        copy = f'astype({self._name(dtype.newbyteorder("="))})'
        read = (
            f'frombuffer(b, {self._name(dtype)}, {count}, o + {self._offset})'
            f'.{copy} if {count} else ()'
        )
        self._line(f'{name} = ' + (f'exact_array({read})' if kind.typename in _INT64 else read))
        return name

    def _loop(self, kind: AbstractType, count: str, selection: Selection) -> str:
        """Read or skip elements that are no primitives; the list's variable."""
        selected = selection.whole or bool(selection.members)
        items = self._name() if selected else 'None'
        self._settle(1)
        if selected:
            self._line(f'{items} = []')
        self._loops = True
        self._line(f'n += {count}')
        self._line(f'if n > {MAX_ELEMENTS}: raise ValueError("more than {MAX_ELEMENTS} elements")')
        self._line(f'for _ in range({count}):')
        self._indent += 1
        read = self._member(kind, Selection(selection.whole, False, selection.members), last=False)
        self._flush()
        if selected:
            self._line(f'{items}.append({read.whole})')
        self._settle(1)
        self._indent -= 1
        return items


def _flat(kind: AbstractType) -> tuple[BasicType, int] | None:
    """Type and number of the primitives that an element is made of, if all are of one size."""
    if isinstance(kind, BasicType):
        return kind, 1
    if isinstance(kind, Array):
        inner = _flat(kind.value_type)
        return inner and (inner[0], inner[1] * kind.size)
    if not isinstance(kind, NamespacedType):
        return None
    parts = [_flat(member) for member in members(class_of(kind)).values()]
    found = [part for part in parts if part is not None]
    sizes = {struct.calcsize('=' + _format(part[0])) for part in found}
    if len(found) < len(parts) or len(sizes) != 1:
        return None
    return found[0][0], sum(count for _, count in found)


def _format(kind: BasicType) -> str:
    try:
        return _FORMATS[kind.typename]
    except KeyError:
        raise UnsupportedType(f'no reader for {kind.typename}') from None
