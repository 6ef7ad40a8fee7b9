# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Write a configuration as YAML that reads back as the same, with where each value came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import json
import re
from typing import Any

from ..yaml_layers import EMPTY, KeyPath, misread, read_as

# Text that YAML takes for nothing but itself.
_PLAIN = re.compile(r'[A-Za-z_][A-Za-z0-9_./-]*+( [A-Za-z0-9_./-]++)*+')
_VARIABLE = re.compile(r'\$\{\w+\}')
# What YAML takes in no text, or for the end of a line, and JSON leaves as it is.
_NOT_IN_YAML = re.compile('[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_WIDTH = 60

Comment = Callable[[KeyPath], str]


def render(tree: dict[str, Any], comment: Comment = lambda path: '') -> str:
    """Return the YAML of a tree; `comment(path)` is what stands behind a value."""
    return ''.join(f'{line}\n' for line in _lines(tree, (), '', comment))


def _lines(value: Any, at: KeyPath, indent: str, comment: Comment) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _entry(f'{indent}{scalar(key)}:', part, (*at, key), indent, comment)
        return
    for index, part in enumerate(value):
        if isinstance(part, dict) and part:
            # The first key of a map stands beside the dash.
            first, *others = _lines(part, (*at, index), indent + '  ', comment)
            yield f'{indent}- {first[len(indent) + 2 :]}'
            yield from others
        else:
            yield from _entry(f'{indent}-', part, (*at, index), indent, comment)


def _entry(head: str, value: Any, at: KeyPath, indent: str, comment: Comment) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        note = comment(at)
        yield head if not note or isinstance(value, dict) else f'{head}  # {note}'
        yield from _lines(value, at, indent + '  ', comment)
        return
    if value is EMPTY:
        text = head
    else:
        text = f'{head} {scalar(value)}'
    note = comment(at)
    yield f'{text.ljust(_WIDTH)}  # {note}' if note else text


def scalar(value: Any) -> str:
    """Return a value as YAML on one line that reads back as the same."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not read_as(value) and not list(misread(value)):
            return value
        text = json.dumps(value, ensure_ascii=False)
        return _NOT_IN_YAML.sub(lambda found: f'\\u{ord(found[0]):04x}', text)
    if isinstance(value, float):
        text = repr(value)
        mantissa, e, exponent = text.partition('e')
        # YAML reads a number with an exponent only with a point.
        return f'{mantissa}.0e{exponent}' if e and '.' not in mantissa else text
    return json.dumps(value, ensure_ascii=False)


def escaped(tree: dict[str, Any]) -> dict[str, Any]:
    """
    Return a tree whose texts read back as they are, though `${…}` stands for variables.

    In commands it stands for their own parameters too, and is left to them.
    """
    return {key: part if key == 'commands' else _escaped(part) for key, part in tree.items()}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_escaped(part) for part in value]
    return _VARIABLE.sub(r'$\g<0>', value) if isinstance(value, str) else value
