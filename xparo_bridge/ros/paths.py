# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How a field of a message is named in the configuration.

    path       pose.pose.position.x    ranges[10]    ranges[0:360:10]    status[:].name    .
    by name    position[name=left]     transforms[child_frame_id=odom].transform
    function   min max mean count norm yaw age, around one path: yaw(pose.pose.orientation)

`.` is the whole message. An index may count from the end (`poses[-1]`); a slice is Python's, and a
name after a slice is taken from each element. `[key=value]` is the first element that has this
value in its member `key`, or that stands where the array `key` beside it has this value; several
are joined by commas, and a value with a comma, a bracket or spaces at its ends stands in double
quotes. Nothing here knows a ROS type: `fields` checks a parsed path against one.
"""

from __future__ import annotations

from dataclasses import dataclass
import re

from ..errors import BadInput

FUNCTIONS = ('min', 'max', 'mean', 'count', 'norm', 'yaw', 'age')


class PathError(BadInput, ValueError):
    """A path that cannot be read or does not fit its type: what is wrong, what would be right."""


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a message."""

    name: str

    def __str__(self) -> str:
        return f'.{self.name}'


@dataclass(frozen=True, slots=True)
class Index:
    """One element of an array."""

    index: int

    def __str__(self) -> str:
        return f'[{self.index}]'


@dataclass(frozen=True, slots=True)
class Slice:
    """Some elements of an array."""

    start: int | None
    stop: int | None
    step: int | None

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop, self.step)

    def __str__(self) -> str:
        parts = (
            (self.start, self.stop) if self.step is None else (self.start, self.stop, self.step)
        )
        return f'[{":".join("" if part is None else str(part) for part in parts)}]'


@dataclass(frozen=True, slots=True)
class Select:
    """The first element of an array by the values of its members: name of each, and the value."""

    conditions: tuple[tuple[tuple[str, ...], str], ...]

    def __str__(self) -> str:
        parts = ('.'.join(key) + '=' + value for key, value in self.conditions)
        return f'[{",".join(parts)}]'


@dataclass(frozen=True, slots=True)
class Pick:
    """
    One element of an array by the values that arrays beside it have in its place.

    What a Select behind a Field is made where the type says that its elements have no such member.
    """

    field: str
    conditions: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        parts = (f'{key}={value}' for key, value in self.conditions)
        return f'.{self.field}[{",".join(parts)}]'


Step = Field | Index | Slice | Select | Pick


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the message to a value, and the function taken of it, if any."""

    steps: tuple[Step, ...]
    function: str | None = None

    @property
    def selects(self) -> bool:
        """Whether it names an element by a value, which a message need not have."""
        return any(isinstance(step, (Select, Pick)) for step in self.steps)

    def __str__(self) -> str:
        path = ''.join(map(str, self.steps)).removeprefix('.') or '.'
        return f'{self.function}({path})' if self.function else path


_CALL = re.compile(r'\s*([A-Za-z_]\w*)\s*\((.*)\)\s*', re.DOTALL)
_STEP = re.compile(r'\.?([A-Za-z]\w*)|\[((?:[^\]"]|"[^"]*")*)\]')
_CONDITION = re.compile(
    r'\s*([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)\s*=\s*(?:"([^"]*)"|([^",]*?))\s*(?:,|$)'
)
_INTEGER = re.compile(r'[+-]?\d{1,9}')


def parse_path(text: str) -> Path:
    """Path of its text; PathError for one that is not in the language."""
    call = _CALL.fullmatch(text)
    if call is None:
        return Path(_parse_steps(text.strip(), text))
    function, inner = call.groups()
    if function not in FUNCTIONS:
        raise PathError(f'"{text}": no function "{function}"; there are {", ".join(FUNCTIONS)}')
    return Path(_parse_steps(inner.strip(), text), function)


def _parse_steps(path: str, whole: str) -> tuple[Step, ...]:
    if path == '.':
        return ()
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (match[1] and bool(steps) != path.startswith('.', at)):
            raise PathError(
                f'"{whole}": not understood from "{path[at:]}" on; a path is '
                'names joined by ".", with [index], [start:stop:step] or [key=value] behind arrays'
            )
        steps.append(Field(match[1]) if match[1] else _parse_bracket(match[2], whole))
        at = match.end()
    if not steps:
        raise PathError(f'"{whole}": the path is empty; "." is the whole message')
    return tuple(steps)


def _parse_bracket(inside: str, whole: str) -> Index | Slice | Select:
    inside = inside.strip()
    if '=' in inside:
        return _parse_conditions(inside, whole)
    parts = [part.strip() for part in inside.split(':')]
    if (
        len(parts) > 3
        or any(part and not _INTEGER.fullmatch(part) for part in parts)
        or parts == ['']
    ):
        raise PathError(
            f'"{whole}": "[{inside}]" is neither an [index] nor a [start:stop:step] '
            'nor a [key=value]'
        )
    if len(parts) == 1:
        return Index(int(parts[0]))
    numbers = [int(part) if part else None for part in parts] + [None]
    if numbers[2] == 0:
        raise PathError(f'"{whole}": a step of 0 goes nowhere')
    return Slice(numbers[0], numbers[1], numbers[2])


def _parse_conditions(inside: str, whole: str) -> Select:
    conditions = []
    at = 0
    while at < len(inside):
        match = _CONDITION.match(inside, at)
        if match is None:
            raise PathError(
                f'"{whole}": "[{inside}]" is not understood from "{inside[at:]}" on; '
                'expected key=value, with commas between several'
            )
        value = match[3] if match[2] is None else match[2]
        conditions.append((tuple(match[1].split('.')), value))
        at = match.end()
    return Select(tuple(conditions))
