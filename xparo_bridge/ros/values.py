# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
In which form does a value of a ROS message go into telemetry, and what do functions make of it.

| ROS                     | telemetry value                                                       |
|-------------------------|-----------------------------------------------------------------------|
| bool, numbers           | themselves; a NaN or an infinity becomes null when JSON is written    |
| int64, uint64           | a number up to 2^53, which every JSON reader keeps; beyond that, text |
| string, wstring         | text; bytes that are not UTF-8 become U+FFFD                          |
| byte, char              | a number                                                              |
| uint8[], byte[], char[] | bytes, which are base64 text in JSON                                  |
| arrays                  | lists, tuples or numpy arrays                                         |
| Time, Duration          | seconds as a number, Unix time for stamps, good to 0.3 microseconds;  |
|                         | `stamp.sec` and `stamp.nanosec` are exact                             |
| messages                | objects with the names the message has                                |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import math
from typing import Any

import numpy
from rosidl_parser.definition import AbstractNestedType, BasicType, NamespacedType

from .fields import is_time, members
from .paths import Field, Index, Path, Pick, Select, Step

_SAFE = 2**53
_NAMED = 8  # So many elements are named where the requested one is not among them.
_SHORTEST = 1e-6  # Square of the length of a quaternion that is still a rotation.


def exact(number: int) -> int | str:
    """64-bit integer in a form that no reader of JSON rounds."""
    return number if -_SAFE <= number <= _SAFE else str(number)


def exact_array(numbers: Any) -> Any:
    """As `exact`, of a whole array; the array itself where nothing is beyond 2^53."""
    if len(numbers) and not -_SAFE <= int(numbers.min()) <= int(numbers.max()) <= _SAFE:
        return [exact(number) for number in numbers.tolist()]
    return numbers


def plain(message: Any) -> dict[str, Any]:
    """Whole deserialized message in the forms above."""
    return {
        name: _plain(getattr(message, name), kind) for name, kind in members(type(message)).items()
    }


def _plain(value: Any, kind: Any) -> Any:
    if isinstance(kind, NamespacedType):
        return value.sec + value.nanosec / 1e9 if is_time(kind) else plain(value)
    if isinstance(kind, AbstractNestedType):
        inner = kind.value_type
        if not isinstance(inner, BasicType):
            return [_plain(item, inner) for item in value]
        if inner.typename in ('uint8', 'octet', 'char'):
            return b''.join(value) if isinstance(value, (list, tuple)) else bytes(value)
        if inner.typename in ('int64', 'uint64'):
            return [exact(int(item)) for item in value]
        return list(value) if inner.typename == 'boolean' else numpy.asarray(value).tolist()
    if isinstance(kind, BasicType):
        if kind.typename == 'octet':
            return value[0]
        if kind.typename in ('int64', 'uint64'):
            return exact(value)
    if isinstance(value, str):
        return value.encode('utf-8', 'replace').decode('utf-8')
    return value


@dataclass(frozen=True, slots=True)
class Missing:
    """
    What a path that selects by name gives where there is not one such element.

    There is none, or there are several that differ in what is requested of them. `step` is how it
    is selected, `there` what the elements are called.
    """

    several: bool = False
    step: str = field(default='', compare=False)
    there: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        if self.several:
            return f'several have {self.step}, and they differ; select by one more of their fields'
        return f'none has {self.step}; there is {", ".join(self.there) or "none at all"}'


MISSING = Missing()


def walk(value: Any, steps: Sequence[Step]) -> Any:
    """
    What the steps lead to from a telemetry value.

    None where an index is past the end, Missing where no element has the requested name, or
    where several have it and differ: which of them is meant nobody can know.
    """
    for at, step in enumerate(steps):
        if value is None or isinstance(value, Missing):
            return value
        if isinstance(step, (Field, Pick)):
            if isinstance(value, (list, tuple)):
                return _walk_each(value, steps[at:])
            if isinstance(step, Pick):
                return _chosen(_picked(value, step), step, steps[at + 1 :], value, '')
            value = value[step.name]
        elif isinstance(step, Select):
            found = [item for item in value if _has(item, step)]
            return _chosen(found, step, steps[at + 1 :], value, step.conditions[0][0])
        elif isinstance(step, Index):
            try:
                value = value[step.index]
            except IndexError:
                return None
            if isinstance(value, numpy.generic):
                value = value.item()
        else:
            value = value[step.slice]
            if isinstance(value, numpy.ndarray):
                value = value.copy()  # Contiguous again, and free of the part left out.
    return value


def _walk_each(items: Any, steps: Sequence[Step]) -> list[Any]:
    """What the steps lead to from each of some values of one type."""
    for at, step in enumerate(steps):
        if not (isinstance(step, Field) and items and isinstance(items[0], dict)):
            rest = steps[at:]
            found = (walk(item, rest) for item in items)
            return [None if isinstance(item, Missing) else item for item in found]
        # At once for all: a plan has hundreds of poses.
        name = step.name
        items = [item[name] for item in items]
    return list(items)


def _chosen(
    found: list[Any], step: Select | Pick, rest: Sequence[Step], among: Any, key: Any
) -> Any:
    """What further steps lead to from the one element that was selected."""
    if len(found) == 1:
        return walk(found[0], rest)
    if not found:
        values = (
            among[step.conditions[0][0]]
            if isinstance(step, Pick)
            else [_member(item, key) for item in among[:_NAMED]]
        )
        conditions = str(step).partition('[')[2]
        return Missing(False, f'[{conditions}', tuple(str(each)[:40] for each in values[:_NAMED]))
    expected = [walk(item, rest) for item in found]
    if all(_alike(each, expected[0]) for each in expected[1:]):
        return expected[0]
    return Missing(True, '[' + str(step).partition('[')[2])


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, numpy.ndarray):
        return numpy.array_equal(one, other, equal_nan=one.dtype.kind == 'f')
    return bool(one == other) or (one != one and other != other)


def _picked(message: Any, pick: Pick) -> list[Any]:
    beside = [(message[key], key, expected) for key, expected in pick.conditions]
    array = message[pick.field]
    found = []
    for index in range(min(len(array), *(len(values) for values, _, _ in beside))):
        if all(_is(values[index], key, expected) for values, key, expected in beside):
            value = array[index]
            found.append(value.item() if isinstance(value, numpy.generic) else value)
    return found


def _member(item: Any, key: Sequence[str]) -> Any:
    for name in key:
        item = item[name]
    return item


def _has(item: Any, select: Select) -> bool:
    return all(_is(_member(item, key), key[-1], expected) for key, expected in select.conditions)


def _is(value: Any, key: str, expected: str) -> bool:
    """Whether a text or a number is what a path has after its `=`."""
    if isinstance(value, str):
        if key.endswith('frame_id'):  # tf of ROS 1 put a slash before it, which names no other.
            return value.removeprefix('/') == expected.removeprefix('/')
        return value == expected
    try:
        return bool(value == float(expected))
    except ValueError:
        return isinstance(value, bool) and str(value).lower() == expected.lower()


def evaluate(path: Path, whole: Any, now: Callable[[], float]) -> Any:
    """Value of a path, function included, in a whole message's telemetry value."""
    return apply(path.function, walk(whole, path.steps), now)


def apply(function: str | None, value: Any, now: Callable[[], float]) -> Any:
    """What a function makes of a value; of what is missing nothing."""
    if function is None or isinstance(value, Missing):
        return value
    if function == 'age':
        return age(value, now)
    return FUNCTIONS[function](value)


def age(stamp: float | None, now: Callable[[], float]) -> float | None:
    """Seconds from a stamp until `now()`; both of the same clock. Zero is a stamp nobody set."""
    return None if stamp is None or stamp <= 0.0 else now() - stamp


def _finite(numbers: Any) -> Any:
    if isinstance(numbers, (bytes, bytearray)):
        return numpy.frombuffer(numbers, numpy.uint8)
    array = numpy.asarray(() if numbers is None else numbers, dtype=None)
    if array.dtype == object or array.dtype.kind == 'U':  # Among them integers beyond 2^53.
        array = numpy.array([float(number) for number in numbers if number is not None])
    return array[numpy.isfinite(array)] if array.dtype.kind == 'f' else array


def _minimum(numbers: Any) -> Any:
    found = _finite(numbers)
    return found.min().item() if found.size else None


def _maximum(numbers: Any) -> Any:
    found = _finite(numbers)
    return found.max().item() if found.size else None


def _mean(numbers: Any) -> float | None:
    found = _finite(numbers)
    return float(found.mean(dtype=numpy.float64)) if found.size else None


def _norm(vector: Any) -> float | None:
    if vector is None:
        return None
    if isinstance(vector, dict):
        return math.hypot(*map(float, vector.values()))
    array = numpy.frombuffer(vector, numpy.uint8) if isinstance(vector, bytes) else vector
    return float(numpy.sqrt(numpy.square(numpy.asarray(array, numpy.float64)).sum()))


def _yaw(quaternion: Any) -> float | None:
    if quaternion is None:
        return None
    x, y, z, w = (quaternion[name] for name in 'xyzw')
    square = x * x + y * y + z * z + w * w
    if not _SHORTEST < square < math.inf:
        return None  # NaN, and the zeros of a message that nobody filled in, turn nowhere.
    return math.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)


def _count(array: Any) -> int | None:
    return None if array is None else len(array)


# `min`, `max` and `mean` leave out what is not finite (a laser's misses) and are null of nothing.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    'min': _minimum,
    'max': _maximum,
    'mean': _mean,
    'count': _count,
    'norm': _norm,
    'yaw': _yaw,
}
