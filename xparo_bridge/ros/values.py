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
import math
from typing import Any

import numpy
from rosidl_parser.definition import AbstractNestedType, BasicType, NamespacedType

from .fields import is_time, members
from .paths import Field, Index, Path, Pick, Select, Step

_SAFE = 2**53
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


class _Missing:
    """What a message has nothing for that a path selects by name."""

    def __repr__(self) -> str:
        return 'MISSING'


MISSING = _Missing()


def walk(value: Any, steps: Sequence[Step]) -> Any:
    """
    What the steps lead to from a telemetry value.

    None where an index is past the end, MISSING where no element has the name that is wanted.
    """
    for at, step in enumerate(steps):
        if value is None or value is MISSING:
            return value
        if isinstance(step, (Field, Pick)):
            if isinstance(value, (list, tuple)):
                return _walk_each(value, steps[at:])
            value = value[step.name] if isinstance(step, Field) else _pick(value, step)
        elif isinstance(step, Select):
            value = next((item for item in value if _has(item, step)), MISSING)
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
            return [None if item is MISSING else item for item in found]
        # At once for all: a plan has hundreds of poses.
        name = step.name
        items = [item[name] for item in items]
    return list(items)


def _pick(message: Any, pick: Pick) -> Any:
    beside = [(message[key], wanted) for key, wanted in pick.conditions]
    array = message[pick.field]
    for index in range(min(len(array), *(len(values) for values, _ in beside))):
        if all(_is(values[index], wanted) for values, wanted in beside):
            value = array[index]
            return value.item() if isinstance(value, numpy.generic) else value
    return MISSING


def _has(item: Any, select: Select) -> bool:
    for key, wanted in select.conditions:
        value = item
        for name in key:
            value = value[name]
        if not _is(value, wanted):
            return False
    return True


def _is(value: Any, wanted: str) -> bool:
    """Whether a text or a number is what a path has after its `=`."""
    if isinstance(value, str):
        return value == wanted
    try:
        return bool(value == float(wanted))
    except ValueError:
        return isinstance(value, bool) and str(value).lower() == wanted.lower()


def evaluate(path: Path, whole: Any, now: Callable[[], float]) -> Any:
    """Value of a path, function included, in a whole message's telemetry value."""
    return apply(path.function, walk(whole, path.steps), now)


def apply(function: str | None, value: Any, now: Callable[[], float]) -> Any:
    """What a function makes of a value; of what is missing nothing."""
    if function is None or value is MISSING:
        return value
    if function == 'age':
        return age(value, now)
    return FUNCTIONS[function](value)


def age(stamp: float | None, now: Callable[[], float]) -> float | None:
    """Seconds from a stamp until `now()`; both of the same clock."""
    return None if stamp is None else now() - stamp


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
