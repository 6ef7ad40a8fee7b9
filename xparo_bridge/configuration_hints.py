# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say what to write instead, where a configuration file is not what its author meant."""

from __future__ import annotations

import re
from typing import Any

from .json_schema import Problem
from .json_schema.defaults import resolved
from .yaml_layers import read_as

_ENTRY = 'expected a list: begin each of its entries with "- "'


# Places that are named for a key, and how deep they are looked for.
_MOST_HOMES = 3
_DEEPEST = 6


def type_hint(error: Problem, source: str | None) -> str:
    """
    Say what to write where a value is of another type; empty if nothing is known.

    `source` is the text of a plain value as it stands in the file, None for one in quotes.
    """
    if error.keyword != 'type':
        return ''
    kinds: Any = error.expected
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    value = error.instance
    if isinstance(value, dict) and 'array' in kinds:
        return f'; {_ENTRY}'
    if isinstance(value, list) and 'object' in kinds:
        return '; expected a name and a colon before each of its entries, and no "- "'
    if value is True and 'object' in kinds:
        return '; write {} for its defaults'
    taken_for = read_as(source) if source is not None else ''
    if 'string' in kinds and taken_for and not isinstance(value, str):
        return f'; YAML reads {source} as {taken_for}: put it in quotes, "{source}"'
    if isinstance(value, str) and {'number', 'integer'} & kinds:
        return _number_hint(value, quoted=source is None)
    return ''


def _number_hint(text: str, *, quoted: bool) -> str:
    if re.fullmatch(r'[-+]?0[oOxXbB][0-9a-fA-F]+', text):
        return f'; write {_whole(text)} for the number'
    if quoted and re.fullmatch(r'[-+]?\d+(\.\d+)?', text):
        return '; write it without the quotes'
    number = re.match(r'[-+]?\d+([.,]\d+)?', text)
    return f'; expected the number alone, such as {number[0].replace(",", ".")}' if number else ''


def _whole(text: str) -> str:
    try:
        return str(int(text, 0))
    except ValueError:  # Digits that this base does not have.
        return 'a decimal number'


def homes(key: str, root: dict[str, Any]) -> list[str]:
    """Return where else a schema has this key, as in `links[].url`; the shallowest first."""
    found: list[str] = []
    level = [('', root, 0)]
    while level and len(found) < _MOST_HOMES:
        deeper = []
        for path, schema, depth in level:
            part = resolved(schema, root)
            inside = {name: (f'.{name}', one) for name, one in part.get('properties', {}).items()}
            if key in inside:
                found.append(f'{path}.{key}' if path else f'{key} at the top')
            inside[''] = ('[]', part.get('items'))
            inside['*'] = ('.*', part.get('additionalProperties'))
            deeper += [
                (f'{path}{step}'.lstrip('.'), one, depth + 1)
                for step, one in inside.values()
                if isinstance(one, dict) and depth < _DEEPEST
            ]
        level = deeper
    return found[:_MOST_HOMES]
