# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Describe ports, and the types that a port can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
import re
from typing import Any

from ..json_reader import JsonError, read_json
from . import values
from .errors import ConversionError, PortError
from .status import NodeStatus

FORBIDDEN_IN_NAMES = frozenset(' \t\n\r<>&"\'/\\:*?|.')
PRECONDITIONS = ('_failureIf', '_successIf', '_skipIf', '_while')
POSTCONDITIONS = ('_onHalted', '_onFailure', '_onSuccess', '_post')
RESERVED = frozenset((*PRECONDITIONS, *POSTCONDITIONS, 'name', 'ID', '_autoremap'))


class Direction(Enum):
    """Which way a value goes through a port."""

    INPUT = 'in'
    OUTPUT = 'out'
    INOUT = 'inout'


@dataclass(frozen=True)
class PortType:
    """
    A type of port and entry, told apart from others by its name.

    `parse` reads a literal (None: text cannot become this type); `convert` makes a value of
    this type from another one. Both raise ConversionError.
    """

    name: str
    parse: Callable[[str], Any] | None = field(default=None, compare=False)
    convert: Callable[[Any], Any] = field(default=lambda value: value, compare=False)
    is_strong: bool = field(default=True, compare=False)

    def read(self, text: str) -> Any:
        """Make a value of this type from text."""
        if self.parse is None:
            raise ConversionError(f'text cannot be converted to {self.name}')
        return self.parse(text)


def _integer_type(name: str, low: int, high: int) -> PortType:
    return PortType(
        name,
        lambda text: values.parse_integer(text, low, high),
        lambda value: values.to_integer(value, low, high),
    )


def _unreadable(name: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        raise ConversionError(f'text cannot be converted to a value of {name}')

    return parse


def _status(value: Any) -> NodeStatus:
    if isinstance(value, str):
        if value in NodeStatus.__members__:
            return NodeStatus[value]
        raise ConversionError(
            f'{values.clip(value)!r} is not one of ' + ', '.join(NodeStatus.__members__)
        )
    try:
        return NodeStatus(values.to_integer(value))
    except ValueError as error:
        raise ConversionError(f'{values.describe(value)} is not a node status') from error


# Anything may be connected to it, and the first write through a port decides its type.
ANY_ALLOWED = PortType('any', is_strong=False)
# An opaque value: like ANY_ALLOWED, but text given to it cannot be converted.
ANY = PortType('BT::Any', _unreadable('BT::Any'), is_strong=False)
BOOL = PortType('bool', values.parse_bool, values.to_bool)
INT = _integer_type('int', values.INT32_MIN, values.INT32_MAX)
INT64 = _integer_type('int64', values.INT64_MIN, values.INT64_MAX)
UINT = _integer_type('unsigned int', 0, 2**32 - 1)
UINT64 = _integer_type('uint64', 0, values.UINT64_MAX)
DOUBLE = PortType('double', values.parse_real, values.to_double)
FLOAT = PortType('float', values.parse_real, values.to_double)
STRING = PortType('std::string', str, values.to_string)
# A literal status is read when the port is read, not when the tree is loaded.
NODE_STATUS = PortType('BT::NodeStatus', None, _status)
NOTHING = PortType('nothing')

# The integers that fit each arithmetic type; None for the floating-point ones.
_RANGES: dict[str, tuple[int, int] | None] = {
    'int8': (-(2**7), 2**7 - 1),
    'int16': (-(2**15), 2**15 - 1),
    'int': (values.INT32_MIN, values.INT32_MAX),
    'int64': (values.INT64_MIN, values.INT64_MAX),
    'uint8': (0, 2**8 - 1),
    'uint16': (0, 2**16 - 1),
    'unsigned int': (0, 2**32 - 1),
    'uint64': (0, values.UINT64_MAX),
    'float': None,
    'double': None,
}


def split(text: str) -> list[str]:
    """Split a list literal at its semicolons; one at the end adds no item."""
    parts = text.split(';')
    return parts[:-1] if not parts[-1] else parts


def vector_of(name: str, item: PortType) -> PortType:
    """A list type: 'a;b;c', or JSON after 'json:'."""

    def parse(text: str) -> list[Any]:
        if not text.startswith('json:'):
            return [item.read(part) for part in split(text)]
        try:
            items = read_json(text[5:])
        except JsonError as error:
            raise ConversionError(f'{values.clip(text)!r}: {error}') from error
        return convert(items)

    def convert(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise ConversionError(f'{values.describe(value)} is not a list')
        return [item.convert(part) for part in value]

    return PortType(name, parse, convert)


def opaque(name: str, parse: Callable[[str], Any] | None = None) -> PortType:
    """A type whose values the engine only passes on, such as a ROS message."""
    return PortType(name, parse or _unreadable(name))


_TYPES: dict[str, PortType] = {
    port_type.name: port_type
    for port_type in (ANY_ALLOWED, ANY, BOOL, INT, INT64, UINT, UINT64, DOUBLE, FLOAT, STRING)
}
_TYPES[NODE_STATUS.name] = NODE_STATUS
for _name, _range in _RANGES.items():
    if _range is not None:
        _TYPES.setdefault(_name, _integer_type(_name, *_range))
for _item in (BOOL, INT, DOUBLE, STRING):
    _name = f'std::vector<{_item.name}>'
    _TYPES[_name] = vector_of(_name, _item)

_ALIASES = {
    '': 'any',
    'AnyTypeAllowed': 'any',
    'BT::AnyTypeAllowed': 'any',
    'Any': 'BT::Any',
    'str': 'std::string',
    'string': 'std::string',
    'float64': 'double',
    'float32': 'float',
    'int32': 'int',
    'long': 'int64',
    'uint32': 'unsigned int',
    'unsigned': 'unsigned int',
    'unsigned long': 'uint64',
    'NodeStatus': 'BT::NodeStatus',
}


def type_named(name: str) -> PortType:
    """Find a type by its name in C++ or Python; an unknown one becomes an opaque type."""
    name = re.sub(r'\b(int8|int16|int32|int64|uint8|uint16|uint32|uint64)_t\b', r'\1', name)
    name = re.sub(r'(?<![:\w])(vector|string)\b', r'std::\1', name.strip())
    name = _ALIASES.get(name, name)
    if name == 'std::string' or name in _TYPES:
        return _TYPES[name]
    return opaque(name)


def add_type(port_type: PortType) -> PortType:
    """Make a type known by its name, for ports declared in text."""
    _TYPES[port_type.name] = port_type
    return port_type


def type_of(value: Any) -> PortType:
    """The type that a Python value has where none was declared."""
    if value is None:
        return NOTHING
    if isinstance(value, NodeStatus):
        return NODE_STATUS
    for python_type, port_type in ((bool, BOOL), (float, DOUBLE), (str, STRING)):
        if isinstance(value, python_type):
            return port_type
    if isinstance(value, int):
        return INT if values.INT32_MIN <= value <= values.INT32_MAX else INT64
    return opaque(type(value).__name__)


def is_safe_cast(target: PortType, value: Any) -> bool:
    """Return whether a number keeps its value in an entry of arithmetic type `target`."""
    if target.name not in _RANGES:
        return False
    limits = _RANGES[target.name]
    try:
        if limits is None:
            return bool(values.to_double(value) == value)
        values.to_integer(value, *limits)
    except ConversionError:
        return False
    return True


@dataclass(frozen=True)
class Port:
    """
    A port that a node type declares.

    `default` is the text used where the tree gives none ('' means none; '{key}' is allowed).
    """

    name: str
    direction: Direction = Direction.INPUT
    type: PortType = ANY_ALLOWED
    default: str = ''
    description: str = ''

    def __post_init__(self) -> None:
        if not is_port_name(self.name):
            raise PortError(
                f'{self.name!r} cannot name a port: a name starts with a letter, has no '
                'spaces or any of <>&"\'/\\:*?|. in it, and is not reserved'
            )


def input_port(name: str, type: str | PortType = '', default: object = '', doc: str = '') -> Port:  # noqa: A002
    """Declare a port that a node reads."""
    return _port(name, Direction.INPUT, type, default, doc)


def output_port(name: str, type: str | PortType = '', default: object = '', doc: str = '') -> Port:  # noqa: A002
    """Declare a port that a node writes; a default names an entry, as in '{key}'."""
    return _port(name, Direction.OUTPUT, type, default, doc)


def inout_port(name: str, type: str | PortType = '', default: object = '', doc: str = '') -> Port:  # noqa: A002
    """Declare a port that a node reads and writes."""
    return _port(name, Direction.INOUT, type, default, doc)


def _port(
    name: str, direction: Direction, port_type: str | PortType, default: object, doc: str
) -> Port:
    if isinstance(port_type, str):
        port_type = type_named(port_type)
    if isinstance(default, bool):
        default = 'true' if default else 'false'
    text = str(default)
    if text and not text.startswith('{') and port_type.parse is not None:
        try:
            port_type.parse(text)
        except ConversionError as error:
            raise PortError(f'the default of port {name!r}: {error}') from error
    return Port(name, direction, port_type, text, doc)


def is_port_name(name: str) -> bool:
    """Return whether an attribute of that name is a port rather than something else."""
    first = name[:1]
    return (
        first.isascii()
        and first.isalpha()
        and forbidden_character(name) is None
        and name not in RESERVED
    )


def forbidden_character(name: str, allowed: str = '') -> str | None:
    """The first character that may not stand in a name, or None."""
    for character in name:
        if character in allowed:
            continue
        if character < ' ' or character == '\x7f' or character in FORBIDDEN_IN_NAMES:
            return character
    return None


def pointed_key(text: str) -> str | None:
    """The key that '{key}' points to, or None if the text is a literal."""
    stripped = text.strip(' ')
    if len(stripped) >= 3 and stripped[0] == '{' and stripped[-1] == '}':
        return stripped[1:-1]
    return None


def remapped_key(port: str, text: str) -> str | None:
    """The key that a port is connected to ('{=}': the one of its own name), or None."""
    if text in ('{=}', '='):
        return port
    return pointed_key(text)
