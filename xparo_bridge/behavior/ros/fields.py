# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Turn the value of a port into a field of a ROS message, and a field into the value of a port.

A message in an entry is the message itself. A literal is what the type of its port reads:
numbers, text, 'a;b;c' for lists, and for messages the forms of nav2/types.py or 'json:{...}' with
the message's fields. Durations and times are seconds.
"""

from __future__ import annotations

import array
from collections.abc import Mapping
from functools import cache
from typing import Any

from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractType,
    AbstractWString,
    Array,
    BasicType,
    NamespacedType,
)

from ...json_reader import JsonError, read_json
from ...ros.fields import class_of, describe, is_time, load_type, members, type_name
from ...ros.fields import OtherKind as OtherKind
from ...ros.fields import UnknownType as UnknownType
from ...ros.times import NoTime, time_message
from ..errors import BehaviorError, ConversionError
from ..nav2 import types as _known_types  # noqa: F401  Makes the forms of poses and paths known.
from ..ports import BOOL, DOUBLE, opaque, PortType, STRING, type_named, vector_of
from ..values import clip, to_bool, to_double, to_integer, to_string

_INTEGERS = {
    f'{sign}int{bits}': (0 if sign else -(2 ** (bits - 1)), 2 ** (bits - (not sign)) - 1)
    for sign in ('', 'u')
    for bits in (8, 16, 32, 64)
}
_INTEGERS.update(octet=(0, 255), char=(0, 255))


class FieldError(BehaviorError):
    """A type has no such field."""


class MessageField:
    """A field of a message class by its path, such as `target.x`."""

    def __init__(self, cls: Any, path: str) -> None:
        """
        Find the field.

        :raises FieldError: naming the fields there are.
        """
        self.path = path
        *self._way, self._name = path.split('.')
        for name in self._way:
            kind = _member(cls, name, path)
            if not isinstance(kind, NamespacedType):
                raise FieldError(f'"{path}": "{name}" is {describe(kind)} and has no fields')
            cls = class_of(kind)
        self.kind = _member(cls, self._name, path)

    def read(self, message: Any) -> Any:
        """The value as ports have it: durations in seconds, arrays as lists."""
        for name in (*self._way, self._name):
            message = getattr(message, name)
        return from_field(message)

    def write(self, message: Any, value: Any) -> None:
        """
        Put a value into the field.

        :raises ConversionError: if the field cannot hold it.
        """
        for name in self._way:
            message = getattr(message, name)
        try:
            setattr(message, self._name, to_field(value, self.kind))
        except ConversionError as error:
            raise ConversionError(f'{self.path}: {error}') from error

    @property
    def port_type(self) -> PortType:
        """The type of a port connected to the field."""
        return port_type(self.kind)


def _member(cls: Any, name: str, path: str) -> AbstractType:
    has = members(cls)
    if name not in has:
        known = ', '.join(has) or 'none'
        raise FieldError(f'"{path}": {type_name(cls)} has no field "{name}"; it has {known}')
    return has[name]


def port_type(kind: AbstractType) -> PortType:
    """The type of a port for a field of some ROS type."""
    if isinstance(kind, BasicType):
        if kind.typename == 'boolean':
            return BOOL
        return type_named(kind.typename) if kind.typename in _INTEGERS else DOUBLE
    if isinstance(kind, (AbstractString, AbstractWString)):
        return STRING
    if isinstance(kind, AbstractNestedType):
        item = port_type(kind.value_type)
        name = f'std::vector<{item.name}>'
        known = type_named(name)
        return known if known.parse is not None and known.is_strong else vector_of(name, item)
    assert isinstance(kind, NamespacedType)
    if is_time(kind):
        return DOUBLE
    return message_type('::'.join((*kind.namespaces, kind.name)))


@cache
def message_type(name: str) -> PortType:
    """The type of ports for a message, by its name in C++; unless known, text is JSON."""
    known = type_named(name)
    marker = type_named('no::such::type')
    return opaque(name, _read_json) if known.parse is marker.parse else known


def _read_json(text: str) -> Any:
    if not text.startswith('json:'):
        raise ConversionError(f'{clip(text)!r} is not a message; write json:{{...}}')
    try:
        return read_json(text[5:])
    except JsonError as error:
        raise ConversionError(f'{clip(text)!r}: {error}') from error


def to_field(value: Any, kind: AbstractType) -> Any:
    """
    Convert a port's value to what a field of that type takes: rclpy itself does not check.

    :raises ConversionError: if it does not fit.
    """
    if isinstance(kind, BasicType):
        if kind.typename == 'boolean':
            return to_bool(value)
        if kind.typename in _INTEGERS:
            number = to_integer(value, *_INTEGERS[kind.typename])
            return bytes([number]) if kind.typename == 'octet' else number
        return to_double(value)
    if isinstance(kind, (AbstractString, AbstractWString)):
        return to_string(value)
    if isinstance(kind, NamespacedType):
        return _to_time(value, kind) if is_time(kind) else to_message(value, class_of(kind))
    assert isinstance(kind, AbstractNestedType)
    if isinstance(value, str) or not hasattr(value, '__iter__'):
        raise ConversionError(f'{clip(repr(value))} is not a list')
    items = [to_field(item, kind.value_type) for item in value]
    if isinstance(kind, Array) and len(items) != kind.size:
        raise ConversionError(f'expected {kind.size} items, not {len(items)}')
    return items


def _to_time(value: Any, kind: NamespacedType) -> Any:
    cls = class_of(kind)
    if isinstance(value, (cls, Mapping)):
        return to_message(value, cls)
    try:
        return time_message(cls, to_double(value))
    except NoTime as error:
        raise ConversionError(str(error)) from error


def to_message(value: Any, cls: Any) -> Any:
    """
    The message itself, or one made from its fields.

    :raises ConversionError: if it is neither.
    """
    if isinstance(value, cls):
        return value
    if isinstance(value, (list, tuple)) and 'goals' in members(cls):
        # Newer interfaces have a message around a list of goals.
        value = {'goals': value}
    if not isinstance(value, Mapping):
        raise ConversionError(f'{clip(repr(value))} is no {type_name(cls)}')
    message = cls()
    for name, part in value.items():
        try:
            MessageField(cls, str(name)).write(message, part)
        except FieldError as error:
            raise ConversionError(str(error)) from error
    return message


def from_field(value: Any) -> Any:
    """What a port is given of a field's value."""
    if isinstance(value, (array.array, tuple)) or hasattr(value, 'tolist'):
        return value.tolist() if hasattr(value, 'tolist') else list(value)
    if isinstance(value, bytes) and len(value) == 1:
        return value[0]
    if type(value).__name__ in ('Duration', 'Time') and hasattr(value, 'nanosec'):
        return value.sec + value.nanosec / 1e9
    return value


def find_type(name: str, kind: str = '') -> Any:
    """
    Class of an interface such as `nav2_msgs/action/Spin`, of any kind or of msg, srv or action.

    :raises UnknownType: if it is not installed here.
    :raises OtherKind: if it is of another kind.
    """
    return load_type(name, kind)


def is_installed(name: str) -> bool:
    """Whether an interface is installed here."""
    try:
        load_type(name)
    except UnknownType:
        return False
    return True
