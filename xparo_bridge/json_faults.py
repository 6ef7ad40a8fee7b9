# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say what of a JSON text cannot be read, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Any, TypeAlias

from .errors import BadInput

MAX_FAULTS = 20  # Reported of one text.
# Half a surrogate pair as an escape; whole pairs match too.
HALF_PAIR = re.compile(r'\\u[dD][89a-fA-F]')
_NAMES: dict[type, str] = {
    dict: 'an object',
    list: 'a list',
    str: 'a string',
    bool: 'a boolean',
    int: 'a whole number',
    float: 'a number',
    type(None): 'null',
}

# Where something stands: the place of what holds it, and its key or index there.
Place: TypeAlias = 'tuple[Place, str | int] | None'


class JsonError(BadInput, ValueError):
    """A text that is not the JSON that was expected: what is wrong, and where."""


class TooManyValues(JsonError):
    """A text with more values than are read."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands, in what was read leniently, for a value that could not be read; says why."""

    problem: str


@dataclass(frozen=True, slots=True)
class TooMany(Unreadable):
    """Stands for a list or an object with too many values; `part` is what it is, unchecked."""

    part: Any = None


def json_type(value: object) -> str:
    """Return what JSON calls the type of a value, with its article."""
    return _NAMES.get(type(value), type(value).__name__)


def find_faults(value: Any, duplicates: list[tuple[dict[str, Any], str]]) -> list[str]:
    """Say of the first faults what and where they are, looking at each part once."""
    twice = {id(holder): key for holder, key in duplicates}
    found: list[str] = []
    waiting: list[tuple[Any, Place]] = [(value, None)]
    while waiting and len(found) < MAX_FAULTS:
        part, place = waiting.pop()
        if isinstance(part, Unreadable):
            found.append(_at(place, part.problem))
            continue
        if id(part) in twice:
            found.append(_at(place, f'key "{clipped(twice[id(part)])}" stands twice'))
        if isinstance(part, dict):
            waiting.extend((one, (place, key)) for key, one in reversed(part.items()))
        elif isinstance(part, list):
            last = len(part) - 1
            waiting.extend((part[last - n], (place, last - n)) for n in range(len(part)))
    return found


def _at(place: Place, problem: str) -> str:
    """Name a place, which is only done for what is reported: most parts have no fault."""
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(f'[{step}]' if isinstance(step, int) else f'.{clipped(step)}')
    text = ''.join(reversed(steps)).removeprefix('.')
    return f'{text}: {problem}' if text else problem


def with_whole_texts(
    value: Any, faults: list[str], count: Callable[[], bool], place: Place = None
) -> Any:
    """
    Replace half surrogate pairs, which pass the decoder but neither ROS nor a file.

    Each is added to `faults` as long as `count` says that it may be looked at closely.
    """
    if isinstance(value, str):
        return _whole(value, faults, count, place)
    if isinstance(value, dict):
        return {
            _whole(key, faults, count, place): with_whole_texts(part, faults, count, (place, key))
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [
            with_whole_texts(part, faults, count, (place, index))
            for index, part in enumerate(value)
        ]
    return value


def _whole(text: str, faults: list[str], count: Callable[[], bool], place: Place) -> str:
    if encodable(text):
        return text
    if not count():
        return '\ufffd'
    if len(faults) < MAX_FAULTS:
        faults.append(_at(place, 'half a surrogate pair in a string'))
    return text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')


def encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clipped(text: str) -> str:
    """Return the beginning of a text, which can be written as UTF-8."""
    text = text if len(text) <= 40 else f'{text[:40]}…'
    return text.encode('utf-8', 'replace').decode()
