# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does no regular expression of the package try an input in more ways than one.

A repetition within a repetition, as in `(?:a*b?)*`, may match a text in 2^n ways, all of which are
tried where the rest does not match; while it tries, no other thread runs.
"""

from __future__ import annotations

from collections.abc import Iterator
import importlib
import pkgutil
import re
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import xparo_bridge

# By module and name, with why no text is tried in more ways than one.
HARMLESS = {
    ('xparo_bridge.ros.paths', '_CONDITION'): 'each round begins with a dot, which no name has',
    ('xparo_bridge.ros.paths', '_STEP'): 'a quoted text is read whole, or is none',
    ('xparo_bridge.behavior.script.tokens', '_TOKEN'): 'a backslash begins no other space',
}
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


def patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    """Every pattern that a module of the package has by name."""
    found = []
    for module in pkgutil.walk_packages(xparo_bridge.__path__, 'xparo_bridge.'):
        if module.name.endswith('__main__'):
            continue
        try:
            loaded = importlib.import_module(module.name)
        except ImportError:  # Of an optional package.
            continue
        for name, value in vars(loaded).items():
            if isinstance(value, re.Pattern):
                found.append((module.name, name, value))
    return found


def nested(parsed: Any, within: bool = False) -> Iterator[Any]:
    """Repetitions without end that stand in another one, and that may give back what they took."""
    for code, value in parsed:
        if code in _REPEATS:
            _, most, inner = value
            endless = most is codes.MAXREPEAT
            if endless and within:
                yield inner
            yield from nested(inner, within or endless)
        elif code is codes.BRANCH:
            for branch in value[1]:
                yield from nested(branch, within)
        elif code is codes.SUBPATTERN:
            yield from nested(value[3], within)
        elif code in (codes.ASSERT, codes.ASSERT_NOT):
            yield from nested(value[1], within)
        # What is atomic or possessive gives nothing back.


def test_a_repetition_in_a_repetition_is_found():
    assert list(nested(parser.parse(r'(?:a*b?)*c')))
    assert list(nested(parser.parse(r'(?:<!--.*?-->\s*)*<')))
    assert not list(nested(parser.parse(r'(?:ab?)*c')))
    assert not list(nested(parser.parse(r'(?:a++|b)*+c')))


@pytest.mark.parametrize(
    ('module', 'name', 'pattern'), patterns(), ids=lambda value: str(value)[-40:]
)
def test_no_pattern_repeats_a_repetition(module, name, pattern):
    if (module, name) in HARMLESS:
        return
    assert not list(nested(parser.parse(pattern.pattern, pattern.flags)))


def test_what_is_harmless_is_there():
    assert {(module, name) for module, name, _ in patterns()} >= HARMLESS.keys()
