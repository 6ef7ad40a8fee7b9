# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make a ROS message of a command's entry in the configuration.

A template is a map of field names to values, as deep as the message. In it `$name` stands for the
parameter of that name, with its type; in a text `${name}` stands for the parameter as text, and
`$$` for a dollar sign. Times and durations are seconds; `now` in a time's place is the ROS
time. In a quaternion's place `yaw: …`, rad, is the rotation about z by it. A field whose optional
parameter is left out keeps the message's own default.

A template is checked against the ROS type when it is made, so that a misspelt field or a wrong
type is known when the bridge starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
import re
from typing import Any

from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractType,
    AbstractWString,
    Array,
    BasicType,
    BoundedSequence,
    NamespacedType,
)

from ...angles import degrees_problem
from ...errors import BadInput
from ...ros.fields import class_of, describe, is_quaternion, is_time, members, type_name
from ...ros.geometry import quaternion
from ...ros.times import NoTime, time_message
from .kind import Schema, SettingsError

Path = tuple[str | int, ...]

_ALONE = re.compile(r'\$(\w+)')
_WITHIN = re.compile(r'\$\$|\$\{(\w+)\}')
_INTEGERS = {
    f'{sign}int{bits}': (-(sign == '') * 2 ** (bits - 1), 2 ** (bits - (sign == '')) - 1)
    for sign in ('', 'u')
    for bits in (8, 16, 32, 64)
}
_YAW = BasicType('double')
_INTEGERS.update(octet=(0, 255), char=(0, 255))
_FLOATS = {'float': 3.4028235677973366e38, 'double': float('inf'), 'long double': float('inf')}
# What a parameter's declared type may be used for.
_FITS = {
    'number': ('float',),
    'integer': ('integer', 'float'),
    'boolean': ('boolean',),
    'string': ('string',),
    'array': ('array',),
    'object': ('message',),
}


class BadValue(BadInput, ValueError):
    """A value that a field cannot hold: which field, why, and what would be right."""


class Template:
    """Makes messages of one type from parameters."""

    def __init__(
        self,
        cls: type,
        tree: Any,
        parameters: Mapping[str, Schema],
        path: Path,
        now: Callable[[], Any],
    ) -> None:
        """
        Check a template for messages of `cls`; SettingsError says which keys cannot work.

        `parameters` are the schemas of those there are, `path` the keys that lead to the template
        from the command's entry, `now()` the ROS time as a message.
        """
        self._cls = cls
        self._tree = tree
        self._now = now
        self._parameters = parameters
        self._found: list[tuple[Path, str]] = []
        self._check_message(tree, cls, path)
        if self._found:
            raise SettingsError(*self._found[0], self._found[1:])

    def make(self, parameters: Mapping[str, Any]) -> Any:
        """Message with these parameters; BadValue for one that does not fit its field."""
        return self._message(self._tree, self._cls, parameters, '')

    # --- when the bridge starts ---

    def _check_message(self, tree: Any, cls: type, path: Path) -> None:
        if not isinstance(tree, dict):
            self._found.append((path, f'expected a map of fields of {type_name(cls)}'))
            return
        fields = members(cls)
        for key, part in tree.items():
            if key not in fields:
                known = ', '.join(fields) or 'none'
                words = f'{type_name(cls)} has no field "{key}"; it has {known}'
                self._found.append(((*path, key), words))
                continue
            self._check(part, fields[key], (*path, key))

    def _check(self, part: Any, kind: AbstractType, path: Path) -> None:
        name = _parameter(part)
        if name is not None:
            self._check_parameter(name, path)
            declared = self._parameters.get(name, {}).get('type')
            if isinstance(declared, str) and declared in _FITS and not _fits(declared, kind):
                words = f'parameter {name} is of type {declared}, the field is {describe(kind)}'
                self._found.append((path, words))
            self._check_values_of(name, kind)
        elif isinstance(part, dict) and isinstance(kind, NamespacedType):
            if _is_yaw(part, kind):
                self._check_yaw(part, path)
            else:
                self._check_message(part, class_of(kind), path)
        elif isinstance(part, list) and isinstance(kind, AbstractNestedType):
            before = len(self._found)
            for index, item in enumerate(part):
                self._check(item, kind.value_type, (*path, index))
            if len(self._found) == before and not any(_parameter(item) for item in part):
                self._check_value([_stand_in(item, kind.value_type) for item in part], kind, path)
        elif isinstance(part, str) and _is_text(kind):
            for match in _WITHIN.finditer(part):
                if match[0] != '$$':
                    self._check_parameter(match[1], path)
        else:
            self._check_value(part, kind, path)

    def _check_yaw(self, part: Mapping[str, Any], path: Path) -> None:
        if others := [key for key in part if key != 'yaw']:
            words = f'yaw is the whole rotation; {", ".join(map(str, others))} cannot be with it'
            self._found.append((path, words))
        before = len(self._found)
        self._check(part['yaw'], _YAW, (*path, 'yaw'))
        if len(self._found) > before:
            return
        value, place = part['yaw'], (*path, 'yaw')
        name = _parameter(value)
        if name is not None:
            value, place = (
                self._parameters[name].get('default', 0.0),
                ('parameters', name, 'default'),
            )
        if problem := degrees_problem(value):
            self._found.append((place, problem))

    def _check_parameter(self, name: str, path: Path) -> None:
        if name not in self._parameters:
            known = ', '.join(self._parameters) or 'none'
            self._found.append((path, f'there is no parameter "{name}"; known: {known}'))

    def _check_values_of(self, name: str, kind: AbstractType) -> None:
        """Refuse a parameter whose own values do not fit the field it stands for."""
        schema = self._parameters.get(name, {})
        values: dict[Path, Any] = {
            (key,): schema[key] for key in ('default', 'minimum', 'maximum') if key in schema
        }
        if schema.get('type') == 'integer':  # The outermost that may be sent.
            for key, inwards in (('exclusiveMinimum', 1), ('exclusiveMaximum', -1)):
                if key in schema:
                    values[key,] = schema[key] + inwards
        values |= {('enum', index): each for index, each in enumerate(schema.get('enum', ()))}
        for where, value in values.items():
            self._check_value(value, kind, ('parameters', name, *where))

    def _check_value(self, value: Any, kind: AbstractType, path: Path) -> None:
        try:
            self._convert(value, kind, '')
        except BadValue as error:
            self._found.append((path, str(error)))

    # --- when a command comes ---

    def _message(
        self, tree: Mapping[str, Any], cls: type, parameters: Mapping[str, Any], at: str
    ) -> Any:
        message = cls()
        fields = members(cls)
        for key, part in tree.items():
            place = f'{at}.{key}' if at else key
            value = self._fill(part, fields[key], parameters, place)
            if value is not None:
                setattr(message, key, value)
        return message

    def _fill(self, part: Any, kind: AbstractType, parameters: Mapping[str, Any], at: str) -> Any:
        name = _parameter(part)
        if name is not None:
            return self._convert(parameters[name], kind, at) if name in parameters else None
        if isinstance(part, dict) and isinstance(kind, NamespacedType):
            if _is_yaw(part, kind):
                yaw = self._fill(part['yaw'], _YAW, parameters, f'{at}.yaw')
                return None if yaw is None else _rotation(yaw, kind, f'{at}.yaw')
            return self._message(part, class_of(kind), parameters, at)
        if isinstance(part, list) and isinstance(kind, AbstractNestedType) and not _is_bytes(kind):
            items = [
                self._fill(item, kind.value_type, parameters, f'{at}[{index}]')
                for index, item in enumerate(part)
            ]
            return _sized([item for item in items if item is not None], kind, at)
        if isinstance(part, str) and _is_text(kind):
            return self._convert(
                _WITHIN.sub(
                    lambda match: '$' if match[0] == '$$' else str(parameters.get(match[1], '')),
                    part,
                ),
                kind,
                at,
            )
        return self._convert(part, kind, at)

    def _convert(self, value: Any, kind: AbstractType, at: str) -> Any:
        """Value as the field has it: rclpy does not check types, and C takes what it gets."""
        if isinstance(kind, NamespacedType):
            return self._convert_message(value, kind, at)
        if isinstance(kind, AbstractNestedType):
            if not isinstance(value, list):
                raise _bad(value, kind, at)
            items = [
                self._convert(item, kind.value_type, f'{at}[{index}]')
                for index, item in enumerate(value)
            ]
            return _sized(items, kind, at)
        if _is_text(kind):
            limit = getattr(kind, 'maximum_size', None)
            if not isinstance(value, str):
                raise _bad(value, kind, at)
            if isinstance(limit, int) and len(value) > limit:
                raise BadValue(f'{_place(at)}at most {limit} characters fit')
            if not _is_utf8(value):
                raise BadValue(f'{_place(at)}it is not text that UTF-8 and C can hold')
            return value
        assert isinstance(kind, BasicType)
        return _convert_basic(value, kind, at)

    def _convert_message(self, value: Any, kind: NamespacedType, at: str) -> Any:
        cls = class_of(kind)
        if is_time(kind) and not isinstance(value, dict):
            if value == 'now' and kind.name == 'Time':
                return self._now()
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise _bad(value, kind, at)
            try:
                return time_message(cls, value)
            except NoTime as error:
                raise BadValue(f'{_place(at)}{error}') from error
        if not isinstance(value, dict):
            raise _bad(value, kind, at)
        if _is_yaw(value, kind):
            if len(value) > 1:
                raise BadValue(f'{_place(at)}yaw is the whole rotation; expected nothing with it')
            place = f'{at}.yaw' if at else 'yaw'
            return _rotation(self._convert(value['yaw'], _YAW, place), kind, place)
        message = cls()
        fields = members(cls)
        for key, part in value.items():
            place = f'{at}.{key}' if at else str(key)
            if key not in fields:
                raise BadValue(
                    f'{place}: {type_name(cls)} has no such field; it has {", ".join(fields)}'
                )
            setattr(message, key, self._convert(part, fields[key], place))
        return message


def _parameter(part: Any) -> str | None:
    """Name of the parameter a part stands for as a whole."""
    match = _ALONE.fullmatch(part) if isinstance(part, str) else None
    return match[1] if match else None


def _is_yaw(part: Mapping[str, Any], kind: NamespacedType) -> bool:
    """Whether a map is a rotation by its yaw, in a place of a quaternion."""
    return 'yaw' in part and is_quaternion(kind) and 'yaw' not in members(class_of(kind))


def _rotation(yaw: float, kind: NamespacedType, at: str) -> Any:
    if not math.isfinite(yaw):
        raise BadValue(f'{_place(at)}expected a finite number, not {yaw}')
    if problem := degrees_problem(yaw):
        raise BadValue(f'{_place(at)}{problem}')
    turned = quaternion(yaw)
    message = class_of(kind)()
    for key in ('x', 'y', 'z', 'w'):
        setattr(message, key, getattr(turned, key))
    return message


def _is_text(kind: AbstractType) -> bool:
    return isinstance(kind, (AbstractString, AbstractWString))


def _is_bytes(kind: AbstractNestedType) -> bool:
    return isinstance(kind.value_type, BasicType) and kind.value_type.typename == 'octet'


def _fits(declared: str, kind: AbstractType) -> bool:
    if is_time(kind):
        return declared in ('number', 'integer', 'object')
    if isinstance(kind, NamespacedType):
        form = 'message'
    elif isinstance(kind, AbstractNestedType):
        form = 'array'
    elif _is_text(kind):
        form = 'string'
    else:
        assert isinstance(kind, BasicType)
        form = (
            'boolean'
            if kind.typename == 'boolean'
            else 'float'
            if kind.typename in _FLOATS
            else 'integer'
        )
    return form in _FITS[declared]


def _stand_in(item: Any, kind: AbstractType) -> Any:
    """Something of the right form for an item that was checked already."""
    return {} if isinstance(item, dict) and isinstance(kind, NamespacedType) else item


def _convert_basic(value: Any, kind: BasicType, at: str) -> Any:
    name = kind.typename
    if name == 'boolean':
        if not isinstance(value, bool):
            raise _bad(value, kind, at)
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _bad(value, kind, at)
    if name in _FLOATS:
        if not abs(value) <= _FLOATS[name]:
            raise BadValue(f'{_place(at)}{value} is too large for {describe(kind)}')
        return float(value)
    least, most = _INTEGERS[name]
    if not least <= value <= most or value != int(value):
        raise BadValue(f'{_place(at)}{value} is not a whole number from {least} to {most}')
    return bytes([int(value)]) if name == 'octet' else int(value)


def _is_utf8(text: str) -> bool:
    try:
        return b'\0' not in text.encode()
    except UnicodeEncodeError:  # JSON can say half a character: "\ud800".
        return False


def _sized(items: list[Any], kind: AbstractNestedType, at: str) -> list[Any]:
    if isinstance(kind, Array) and len(items) != kind.size:
        raise BadValue(f'{_place(at)}expected {kind.size} items, not {len(items)}')
    if isinstance(kind, BoundedSequence) and len(items) > kind.maximum_size:
        raise BadValue(f'{_place(at)}at most {kind.maximum_size} items fit, not {len(items)}')
    return items


def _bad(value: Any, kind: AbstractType, at: str) -> BadValue:
    return BadValue(f'{_place(at)}{str(value)[:40]!r} is not {describe(kind)}')


def _place(at: str) -> str:
    return f'{at}: ' if at else ''
