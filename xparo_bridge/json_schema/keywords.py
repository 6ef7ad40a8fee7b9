# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Keywords of JSON Schema that look at the value alone: types, limits, sizes, patterns."""

from __future__ import annotations

from collections.abc import Callable
import math
import re
from typing import Any

# What is wrong with a value, None if nothing.
Test = Callable[[Any], str | None]


def is_number(value: Any) -> bool:
    """Whether JSON Schema calls a value a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_finite_number(value: Any) -> bool:
    return is_number(value) and (isinstance(value, int) or math.isfinite(value))


def _is_integer(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Any], bool]] = {
    'array': lambda value: isinstance(value, list),
    'boolean': lambda value: isinstance(value, bool),
    'integer': _is_integer,
    'null': lambda value: value is None,
    'number': is_number,
    'object': lambda value: isinstance(value, dict),
    'string': lambda value: isinstance(value, str),
}
# Keywords that allow and forbid nothing, and what they have to be themselves.
ANNOTATIONS: dict[str, type[Any] | tuple[type[Any], ...]] = {
    '$comment': str,
    '$schema': str,
    'default': object,
    'deprecated': bool,
    'description': str,
    'examples': list,
    'format': str,
    'readOnly': bool,
    'title': str,
    'writeOnly': bool,
}


def _limit(breaks: Callable[[Any, Any], bool], words: str) -> Callable[[Any], Test]:
    def make(limit: Any) -> Test:
        return lambda value: f'{value!r} is {words} {limit!r}' if breaks(value, limit) else None

    return make


def _size(
    kinds: type[Any], breaks: Callable[[int, int], bool], at_limit: tuple[int, str], words: str
) -> Callable[[Any], Test]:
    def make(limit: Any) -> Test:
        said = at_limit[1] if limit == at_limit[0] else words
        return lambda value: (
            f'{value!r} {said}' if isinstance(value, kinds) and breaks(len(value), limit) else None
        )

    return make


def _least(kinds: type[Any], words: str = 'is too short') -> Callable[[Any], Test]:
    return _size(kinds, lambda size, limit: size < limit, (1, 'should be non-empty'), words)


def _most(kinds: type[Any], words: str = 'is too long') -> Callable[[Any], Test]:
    return _size(kinds, lambda size, limit: size > limit, (0, 'is expected to be empty'), words)


def _multiple(step: Any) -> Test:
    def test(value: Any) -> str | None:
        try:
            quotient = value / step if isinstance(step, float) else None
            whole = not value % step if quotient is None else int(quotient) == quotient
        except (OverflowError, ValueError):  # Too large for a float, or none at all.
            whole = math.isfinite(value) and not value % int(step or 1)
        return None if whole else f'{value!r} is not a multiple of {step}'

    return test


def _matches(pattern: str) -> Test:
    search = re.compile(pattern).search
    return lambda value: (
        None
        if not isinstance(value, str) or search(value)
        else f'{value!r} does not match {pattern!r}'
    )


def _one_of(allowed: list[Any]) -> Test:
    return lambda value: (
        None
        if any(_equal(value, one) for one in allowed)
        else f'{value!r} is not one of {allowed!r}'
    )


def _constant(allowed: Any) -> Test:
    return lambda value: None if _equal(value, allowed) else f'{allowed!r} was expected'


def _distinct(unique: bool) -> Test:
    return lambda value: (
        f'{value!r} has non-unique elements'
        if unique and isinstance(value, list) and len(set(map(_key, value))) < len(value)
        else None
    )


def _key(value: Any) -> Any:
    """Something hashable that two values have in common if they are equal to JSON."""
    if isinstance(value, list):
        return ('list', *map(_key, value))
    if isinstance(value, dict):
        return ('dict', frozenset((key, _key(part)) for key, part in value.items()))
    return ('bool', value) if isinstance(value, bool) else value


def _equal(one: Any, two: Any) -> bool:
    """Whether two values are one to JSON, to which true is not 1 but 1.0 is."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_equal, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_equal(one[key], two[key]) for key in one)
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


def _is_size(expected: Any) -> bool:
    return isinstance(expected, int) and not isinstance(expected, bool) and expected >= 0


def _is_step(expected: Any) -> bool:
    return is_number(expected) and expected > 0


def _is_pattern(expected: Any) -> bool:
    try:
        re.compile(expected)
    except (re.error, TypeError, RecursionError, OverflowError):
        return False
    return isinstance(expected, str)


def _is_list(expected: Any) -> bool:
    return isinstance(expected, list)


def _is_anything(expected: Any) -> bool:
    return True


def _is_boolean(expected: Any) -> bool:
    return isinstance(expected, bool)


# What makes the test, whether it is for numbers alone, and what the keyword has to be.
TESTS: dict[str, tuple[Callable[[Any], Test], bool, Callable[[Any], bool]]] = {
    'const': (_constant, False, _is_anything),
    'enum': (_one_of, False, _is_list),
    'exclusiveMaximum': (
        _limit(lambda value, limit: value >= limit, 'greater than or equal to the maximum of'),
        True,
        is_number,
    ),
    'exclusiveMinimum': (
        _limit(lambda value, limit: value <= limit, 'less than or equal to the minimum of'),
        True,
        is_number,
    ),
    'maximum': (
        _limit(lambda value, limit: value > limit, 'greater than the maximum of'),
        True,
        is_number,
    ),
    'minimum': (
        _limit(lambda value, limit: value < limit, 'less than the minimum of'),
        True,
        is_number,
    ),
    'multipleOf': (_multiple, True, _is_step),
    'maxItems': (_most(list), False, _is_size),
    'minItems': (_least(list), False, _is_size),
    'maxLength': (_most(str), False, _is_size),
    'minLength': (_least(str), False, _is_size),
    'maxProperties': (_most(dict, 'has too many properties'), False, _is_size),
    'minProperties': (_least(dict, 'does not have enough properties'), False, _is_size),
    'pattern': (_matches, False, _is_pattern),
    'uniqueItems': (_distinct, False, _is_boolean),
}
