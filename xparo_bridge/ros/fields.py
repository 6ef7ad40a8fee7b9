# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What fields does a ROS type have, and does a path fit them.

Types are described by rosidl's own definitions (`SLOT_TYPES` of the message classes).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
import importlib
import re
from typing import Any

from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractType,
    AbstractWString,
    BasicType,
    NamespacedType,
)

from ..errors import BadInput
from .paths import Field, Path, PathError, Pick, Select, Slice, Step

TIMES = ('builtin_interfaces/Time', 'builtin_interfaces/Duration')

_TYPE_NAME = re.compile(r'([a-z][a-z0-9_]*)/(?:(msg|srv|action)/)?([A-Z]\w*)')


class UnknownType(BadInput, ValueError):
    """A type that is not installed here, or no type name at all."""


class OtherKind(UnknownType):
    """A type of messages where one of services is expected, and the like."""


# What the class of an interface has, by its kind, and what the kind is called.
_KINDS = {
    'msg': ('SLOT_TYPES', 'messages', 'nav_msgs/msg/Odometry'),
    'srv': ('Request', 'services', 'std_srvs/srv/Trigger'),
    'action': ('Goal', 'actions', 'nav2_msgs/action/Spin'),
}


@cache
def load_type(name: str, kind: str = '') -> type:
    """
    Class of a type name, `nav_msgs/msg/Odometry` or `nav_msgs/Odometry`.

    Also the messages actions and services are made of (`…/action/NavigateToPose_FeedbackMessage`).
    `kind` is msg, srv or action where only such a one will do.

    :raises UnknownType: if it is not installed; the text says which package is missing.
    :raises OtherKind: if it is of another kind.
    """
    _, _, example = _KINDS[kind or 'msg']
    match = _TYPE_NAME.fullmatch(name)
    if match is None:
        raise UnknownType(f'"{name}" is not a type name such as {example}')
    package, folder, member = match[1], match[2] or kind or 'msg', match[3]
    try:
        cls = _member(importlib.import_module(f'{package}.{folder}'), member)
    except ImportError:
        raise UnknownType(f'type {name}: package {package} is not installed') from None
    except AttributeError:
        raise UnknownType(f'package {package} has no {folder} {member}') from None
    if kind and not hasattr(cls, _KINDS[kind][0]):
        is_of = next((words for mark, words, _ in _KINDS.values() if hasattr(cls, mark)), folder)
        raise OtherKind(
            f'{name} is a type of {is_of}; expected one of {_KINDS[kind][1]}, such as {example}'
        )
    return cls


def _member(module: Any, name: str) -> type:
    found: Any = getattr(module, name, None)
    if found is None:
        outer, _, part = name.rpartition('_')
        holder = getattr(module, outer)
        found = getattr(holder, part) if hasattr(holder, part) else getattr(holder.Impl, part)
    made: type = found
    return made


def type_name(cls: type) -> str:
    """Name of a message class as users know it, `nav_msgs/Odometry`."""
    return f'{cls.__module__.partition(".")[0]}/{cls.__name__}'


def class_of(kind: NamespacedType) -> type:
    """Message class of a member's type."""
    return load_type('/'.join((*kind.namespaces, kind.name)))


def members(cls: Any) -> Mapping[str, AbstractType]:
    """Members of a message class with their types, in order."""
    return dict(zip(cls.get_fields_and_field_types(), cls.SLOT_TYPES, strict=True))


def is_time(kind: AbstractType) -> bool:
    """Whether it is a time stamp or a duration, which JSON gets as seconds."""
    return isinstance(kind, NamespacedType) and f'{kind.namespaces[0]}/{kind.name}' in TIMES


def is_number(kind: AbstractType) -> bool:
    """Whether it is a number a mean can be taken of."""
    return isinstance(kind, BasicType) and kind.typename != 'wchar'


def check_path(path: Path, cls: type) -> Path:
    """
    Return a path with its selections as the message class wants them.

    :raises PathError: where the path does not fit the class, with the type and what it has.
    """
    kind: AbstractType | None = None
    steps: list[Step] = []
    for at, step in enumerate(path.steps):
        before = Path(path.steps[:at])
        if isinstance(step, Select):
            picked = _pick(step, steps, cls, path)
            if picked is not None:
                steps[-1:] = [picked]
                kind = _element(kind)
                continue
        kind = _step(step, kind, cls, before, path)
        steps.append(step)
    if path.function and not _ACCEPTS[path.function](kind):
        raise PathError(
            f'"{path}": {path.function} takes {_WANTS[path.function]}, '
            f'not {describe(kind) if kind else type_name(cls)}'
        )
    return Path(tuple(steps), path.function)


def _step(
    step: Step, kind: AbstractType | None, cls: type, before: Path, path: Path
) -> AbstractType:
    if isinstance(kind, _Mapped):
        return _Mapped(_step(step, kind.value_type, cls, before, path))
    if isinstance(step, Field):
        if isinstance(kind, _Sliced):
            return _Mapped(_step(step, kind.value_type, cls, before, path))
        if kind is not None and not isinstance(kind, NamespacedType):
            hint = (
                '; name an element, [0] or [key=value], or all, [:]'
                if isinstance(kind, AbstractNestedType)
                else ''
            )
            raise PathError(f'"{path}": "{before}" is {describe(kind)} and has no fields{hint}')
        owner = cls if kind is None else class_of(kind)
        has = members(owner)
        if step.name not in has:
            raise PathError(
                f'"{path}": {type_name(owner)} has no field "{step.name}"; '
                f'it has {", ".join(has) or "none"}'
            )
        return has[step.name]
    if not isinstance(kind, AbstractNestedType):
        raise PathError(
            f'"{path}": "{before}" is {describe(kind) if kind else type_name(cls)}, not an array'
        )
    if isinstance(step, Select):
        for key, _ in step.conditions:
            _check_key(key, kind.value_type, cls, before, path)
    return _Sliced(kind.value_type) if isinstance(step, Slice) else kind.value_type


def _check_key(
    key: tuple[str, ...], element: AbstractType, cls: type, before: Path, path: Path
) -> None:
    kind: AbstractType = element
    for name in key:
        kind = _step(Field(name), kind, cls, before, path)
    if not (isinstance(kind, (AbstractString, AbstractWString)) or is_number(kind)):
        raise PathError(
            f'"{path}": "{".".join(key)}" is {describe(kind)}, expected a string or a number'
        )


def _pick(select: Select, before: list[Step], cls: type, path: Path) -> Pick | None:
    """Step that selects by the arrays beside one; None if it selects by members of elements."""
    if not before or not isinstance(before[-1], Field):
        return None
    name = before[-1].name
    kind: AbstractType | None = None
    for at, step in enumerate(before[:-1]):
        kind = _step_of(step, kind, cls, Path(tuple(before[:at])), path)
    while isinstance(kind, (_Mapped, _Sliced)):
        kind = kind.value_type
    has = members(cls if kind is None else class_of(kind))
    array = has[name]
    if not isinstance(array, AbstractNestedType):
        return None  # Which `_step` says.
    inner = array.value_type
    if isinstance(inner, NamespacedType) and all(
        key[0] in members(class_of(inner)) for key, _ in select.conditions
    ):
        return None
    for key, _ in select.conditions:
        beside = has.get(key[0]) if len(key) == 1 else None
        if not isinstance(beside, AbstractNestedType) or not (
            isinstance(beside.value_type, (AbstractString, AbstractWString))
            or is_number(beside.value_type)
        ):
            arrays = [
                other
                for other, kind in has.items()
                if other != name
                and isinstance(kind, AbstractNestedType)
                and isinstance(kind.value_type, AbstractString)
            ]
            raise PathError(
                f'"{path}": "{name}" cannot be chosen from by "{".".join(key)}"; '
                + (
                    f'its elements have {", ".join(members(class_of(inner)))}'
                    if isinstance(inner, NamespacedType)
                    else f'there is {", ".join(arrays) or "no array of names"} beside it'
                )
            )
    return Pick(name, tuple((key[0], value) for key, value in select.conditions))


def _step_of(
    step: Step, kind: AbstractType | None, cls: type, before: Path, path: Path
) -> AbstractType:
    """As `_step`, also of a step that was made of two."""
    if isinstance(step, Pick):
        return _element(_step(Field(step.field), kind, cls, before, path))
    return _step(step, kind, cls, before, path)


def _element(kind: AbstractType | None) -> AbstractType:
    if isinstance(kind, _Mapped):
        return _Mapped(_element(kind.value_type))
    assert isinstance(kind, AbstractNestedType)
    return kind.value_type


class _Sliced(AbstractNestedType):
    """What a slice picked: a name behind it is taken from each element."""

    def __init__(self, value_type: AbstractType) -> None:
        # Not rosidl's, which allows no array of arrays: there is none in a message.
        self.value_type = value_type


class _Mapped(_Sliced):
    """What was taken from each element: so is what stands behind it."""


def describe(kind: AbstractType) -> str:
    """Words for a member's type."""
    if isinstance(kind, AbstractNestedType):
        return f'an array of {describe(kind.value_type).partition(" ")[2]}'
    if isinstance(kind, (AbstractString, AbstractWString)):
        return 'a string'
    return (
        f'a {kind.typename}'
        if isinstance(kind, BasicType)
        else (f'a {kind.namespaces[0]}/{kind.name}')
    )


def _is_numbers(kind: AbstractType | None) -> bool:
    return isinstance(kind, AbstractNestedType) and is_number(kind.value_type)


def _is_vector(kind: AbstractType | None) -> bool:
    return _is_numbers(kind) or (
        isinstance(kind, NamespacedType)
        and not is_time(kind)
        and all(map(is_number, members(class_of(kind)).values()))
    )


def is_quaternion(kind: AbstractType | None) -> bool:
    """Whether it is a rotation: a message of numbers, x, y, z and w among them."""
    return (
        _is_vector(kind)
        and isinstance(kind, NamespacedType)
        and {'x', 'y', 'z', 'w'} <= set(members(class_of(kind)))
    )


_ACCEPTS = {
    'min': _is_numbers,
    'max': _is_numbers,
    'mean': _is_numbers,
    'count': lambda kind: isinstance(kind, (AbstractNestedType, AbstractString, AbstractWString)),
    'norm': _is_vector,
    'yaw': is_quaternion,
    'age': lambda kind: kind is not None and is_time(kind) and kind.name == 'Time',
}
_WANTS = {
    'min': 'an array of numbers',
    'max': 'an array of numbers',
    'mean': 'an array of numbers',
    'count': 'an array or a string',
    'norm': 'a vector (a message of numbers only) or an array of numbers',
    'yaw': 'a quaternion (x, y, z, w)',
    'age': 'a time stamp (builtin_interfaces/Time)',
}
