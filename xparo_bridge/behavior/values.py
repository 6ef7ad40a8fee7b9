# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Convert a value of the blackboard to another type without losing any of it.

Values are Python's int (a 64-bit integer to trees), float, bool, str, or any other object; None
stands for an entry that was declared but never written. The conversions are those of
BehaviorTree.CPP 4.10: an integer becomes a float only if the float can hold it exactly, a float
an integer only if it is whole, and text is read from its beginning as far as it is a number.
"""

from __future__ import annotations

import math
import re
from typing import Any

from .errors import clip as clip
from .errors import ConversionError

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
UINT64_MAX = 2**64 - 1
INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
EXACT_DOUBLE = 2**53 - 1  # The largest integer of which every smaller one fits a double.

_INTEGER = re.compile(r'-?[0-9]+')
_REAL = re.compile(
    r'-?(?:(?P<digits>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?'
    r'|inf(?:inity)?|nan(?:\([A-Za-z0-9_]*\))?)',
    re.IGNORECASE,
)


def is_number(value: object) -> bool:
    return isinstance(value, int | float)


def parse_integer(
    text: str, low: int = INT64_MIN, high: int = INT64_MAX, *, whole: bool = False
) -> int:
    """Read the integer at the start of `text`, or of all of it if `whole`."""
    match = _INTEGER.match(text)
    if match is None or (whole and match.end() != len(text)):
        raise ConversionError(f'{clip(text)!r} is not an integer')
    digits = match.group()
    sign, digits = ('-', digits[1:]) if digits[0] == '-' else ('', digits)
    digits = digits.lstrip('0') or '0'
    # Twenty digits are more than 64 bits; longer ones are not worth reading.
    value = int(sign + digits) if len(digits) <= 20 else high + 1
    if not low <= value <= high:
        raise ConversionError(f'{clip(text)!r} does not lie between {low} and {high}')
    return value


def parse_real(text: str, *, whole: bool = False) -> float:
    """Read the real number at the start of `text`, or of all of it if `whole`."""
    match = _REAL.match(text)
    if match is None or (whole and match.end() != len(text)):
        raise ConversionError(f'{clip(text)!r} is not a number')
    digits = match.group('digits')
    if digits is None:
        return float(match.group().partition('(')[0])
    value = float(match.group())
    if math.isinf(value) or (value == 0.0 and digits.strip('0.')):
        raise ConversionError(f'{clip(text)!r} does not fit a double')
    return value


def parse_bool(text: str) -> bool:
    if text in ('1', 'true', 'True', 'TRUE'):
        return True
    if text in ('0', 'false', 'False', 'FALSE'):
        return False
    raise ConversionError(f'{clip(text)!r} is neither true nor false')


def to_double(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, int):
        if -EXACT_DOUBLE <= value <= EXACT_DOUBLE:
            return float(value)
        raise ConversionError(f'{value} is too large to be a double exactly')
    if isinstance(value, str):
        return parse_real(value)
    raise ConversionError(f'{describe(value)} is not a number')


def to_integer(value: Any, low: int = INT64_MIN, high: int = INT64_MAX) -> int:
    if isinstance(value, float):
        if not value.is_integer():
            raise ConversionError(f'{value} is not a whole number')
        number = int(value)
    elif isinstance(value, int):
        number = int(value)
    elif isinstance(value, str):
        return parse_integer(value, low, high)
    else:
        raise ConversionError(f'{describe(value)} is not a number')
    if low <= number <= high:
        return number
    raise ConversionError(f'{number} does not lie between {low} and {high}')


def to_bool(value: Any) -> bool:
    """Any float above zero is true (also NaN); of the integers only 0 and 1 are truth values."""
    if type(value) is float and not value < 0.0:
        return value != 0.0
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ConversionError(f'{describe(value)} is not a truth value (0, 1, true or false)')


def to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return '1' if value else '0'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f'{value:.6f}'
    raise ConversionError(f'{describe(value)} cannot be written as text')


def describe(value: object) -> str:
    """Name a value in an error message, cut to a readable length."""
    if value is None:
        return 'an entry never written'
    if isinstance(value, bool | int | float | str):
        return clip(repr(value))
    return f'a value of type {type(value).__name__}'
