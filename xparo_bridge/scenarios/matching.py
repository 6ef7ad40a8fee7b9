# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Whether a value is as expected.

What is expected is a value, a map of expected values, or a map of conditions: `below`, `above`,
`matches` (a regular expression), `present`.
"""

from __future__ import annotations

import math
import re
from typing import Any

_CONDITIONS = ('below', 'above', 'matches', 'present')


def differs(value: Any, expected: Any, at: str = '') -> str:
    """Return how a value is not as expected; empty if it is."""
    if isinstance(expected, dict) and expected and expected.keys() <= set(_CONDITIONS):
        return _condition(value, expected, at)
    where = f'{at} ' if at else ''
    if isinstance(expected, dict):
        if not isinstance(value, dict):
            return f'{where}is {value!r}'
        for key, item in expected.items():
            part = f'{at}.{key}' if at else str(key)
            expects_absence = isinstance(item, dict) and item.get('present') is False
            if not expects_absence and key not in value:
                return f'{part} is not there'
            if problem := differs(value.get(key), item, part):
                return problem
        return ''
    if isinstance(expected, float | int) and isinstance(value, float | int):
        same = math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-9)
        return '' if same else f'{where}is {value!r}, not {expected!r}'
    return '' if value == expected else f'{where}is {value!r}, not {expected!r}'


def _condition(value: Any, expected: dict[str, Any], at: str) -> str:
    where = at or 'it'
    for name, bound in expected.items():
        if name == 'present':
            if (value is not None) != bound:
                return f'{where} is {value!r}'
        elif name == 'matches':
            if not isinstance(value, str) or not re.search(bound, value):
                return f'{where} is {value!r}, which does not match {bound!r}'
        elif isinstance(value, bool) or not isinstance(value, float | int):
            return f'{where} is {value!r}, no number'
        elif name == 'below' and not value < bound:
            return f'{where} is {value:g}, not below {bound:g}'
        elif name == 'above' and not value > bound:
            return f'{where} is {value:g}, not above {bound:g}'
    return ''
