# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Leave out what a message says has no value, by the conventions of its definition.

The definitions of sensor_msgs have them in their comments: an Imu without an estimate has -1 in
the first element of its covariance, a NavSatFix without a fix has numbers all the same, and what a
LaserScan or a Range measured outside its range is to be discarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from rosidl_parser.definition import NamespacedType

from .fields import check_path, class_of, members, type_name
from .paths import Field, Path
from .reader import make_reader, Reader
from .values import apply, walk

# Takes a member's value and those of the members it depends on; None is no value.
_Rule = Callable[..., Any]

_NO_FIX = -1  # sensor_msgs/NavSatStatus


def _unless_unknown(value: Any, covariance: Any) -> Any:
    return None if covariance[0] == -1.0 else value


def _with_fix(value: Any, status: Any) -> Any:
    return None if status['status'] == _NO_FIX else value


def _within(value: float, least: float, most: float) -> float | None:
    # Sensors that know only "near" have one bound for both, and an infinity for the value.
    return value if least <= value <= most or not least < most else None


def _all_within(values: Any, least: float, most: float) -> Any:
    array = numpy.asarray(values, numpy.float32)
    if not least < most:  # Nobody filled them in.
        return array
    return numpy.where((array >= least) & (array <= most), array, numpy.float32(numpy.nan))


# By type and member: what decides whether it has a value, and how.
_RULES: Mapping[str, Mapping[str, tuple[_Rule, tuple[str, ...]]]] = {
    'sensor_msgs/Imu': {
        name: (_unless_unknown, (f'{name}_covariance',))
        for name in ('orientation', 'angular_velocity', 'linear_acceleration')
    },
    'sensor_msgs/NavSatFix': dict.fromkeys(
        ('latitude', 'longitude', 'altitude'), (_with_fix, ('status',))
    ),
    'sensor_msgs/Range': {'range': (_within, ('min_range', 'max_range'))},
    'sensor_msgs/LaserScan': {'ranges': (_all_within, ('range_min', 'range_max'))},
}


@dataclass(frozen=True)
class _Guarded:
    """A field whose value depends on other members of `owner`, which is a message."""

    owner: tuple[Field, ...]
    member: str
    path: Path


def make_true_reader(cls: type, fields: Mapping[str, Path]) -> Reader:
    """
    As `reader.make_reader`; None stands for what has no value by the conventions of its type.

    :raises PathError: where a path does not fit the class.
    """
    checked = {name: check_path(path, cls) for name, path in fields.items()}
    guarded = {name: found for name, path in checked.items() if (found := _guarded(path, cls))}
    if not guarded:
        return make_reader(cls, fields)
    selected = {name: path for name, path in fields.items() if name not in guarded}
    # Read under names that no field can have.
    for one in guarded.values():
        kind = _class_at(one.owner, cls)
        for member in _needs(type_name(kind), one.member):
            path = Path((*one.owner, Field(member)) if member else one.owner)
            selected[f'\0{path}'] = path
    read = make_reader(cls, selected)
    plans = {name: _plan(one, cls) for name, one in guarded.items()}

    def read_true(data: bytes, now: Callable[[], float]) -> dict[str, Any]:
        raw = read(data, now)
        return {name: plans[name](raw, now) if name in plans else raw[name] for name in fields}

    return read_true


def _guarded(path: Path, cls: type) -> _Guarded | None:
    if path.function == 'count':  # How many there are is so whatever they are.
        return None
    owner: type = cls
    steps = path.steps
    for at, step in enumerate(steps):
        if not isinstance(step, Field):
            return None
        rules = _RULES.get(type_name(owner), {})
        if step.name in rules:
            rest = Path(steps[at + 1 :], path.function)
            return _Guarded(_fields(steps[:at]), step.name, rest)
        kind = members(owner)[step.name]
        if not isinstance(kind, NamespacedType):
            return None
        owner = class_of(kind)
    whole = type_name(owner) in _RULES
    return _Guarded(_fields(steps), '', Path((), path.function)) if whole else None


def _fields(steps: Any) -> tuple[Field, ...]:
    return tuple(step for step in steps if isinstance(step, Field))


def _class_at(steps: tuple[Field, ...], cls: type) -> type:
    for step in steps:
        kind = members(cls)[step.name]
        assert isinstance(kind, NamespacedType)
        cls = class_of(kind)
    return cls


def _needs(kind: str, member: str) -> tuple[str, ...]:
    """Members to read for one, which is '' for the whole message."""
    return (member, *_RULES[kind][member][1]) if member else ('',)


def _plan(one: _Guarded, cls: type) -> Callable[[dict[str, Any], Callable[[], float]], Any]:
    rules = _RULES[type_name(_class_at(one.owner, cls))]
    if not one.member:
        key = f'\0{Path(one.owner)}'

        def whole(raw: dict[str, Any], now: Callable[[], float]) -> Any:
            message = dict(raw[key])
            for member, (rule, asked) in rules.items():
                message[member] = rule(message[member], *(message[each] for each in asked))
            return message

        return whole
    rule, asked = rules[one.member]
    keys = [f'\0{Path((*one.owner, Field(each)))}' for each in (one.member, *asked)]

    def part(raw: dict[str, Any], now: Callable[[], float]) -> Any:
        value = rule(*(raw[key] for key in keys))
        return apply(one.path.function, walk(value, one.path.steps), now)

    return part
