# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Bound how long an answer is: lists and texts are cut, and what is left out is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
import json
from typing import Any

# Of an answer to one command, bytes of JSON.
MAX_ANSWER = 16_000
_MOST = 50
_LONGEST = 4000
# Room for the names of what is left out.
_NOTES = 2_000
_NAMED = 5
# How many members are looked at of an answer that is too large.
_MOST_MEMBERS = 1000
# What is kept before anything else.
_FIRST = ('code', 'message', 'notes')


def listed(key: str, items: Sequence[Any]) -> dict[str, Any]:
    """Return `{key: items}`, of a long list the first fifty with `{key}_in_all`, their number."""
    if len(items) <= _MOST:
        return {key: list(items)}
    return {key: list(items[:_MOST]), f'{key}_in_all': len(items)}


def bounded(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error of at most 16 kB: its code and words, and details as far as they fit."""
    message = str(error.get('message', ''))
    if len(message) > _LONGEST:
        message = f'{message[:_LONGEST]} …'
    return fitted({**error, 'code': str(error.get('code', ''))[:80], 'message': message})


def fitted(values: Mapping[str, Any], most: int = MAX_ANSWER) -> dict[str, Any]:
    """
    Return an answer of at most so many bytes of JSON.

    If it has more, code and words are kept first and then the smallest members; of a list its
    first items, with `{key}_in_all`, their number; of a text its beginning. `left_out` names what
    is not there.
    """
    if size(values, most) <= most:
        return dict(values)
    left = most - _NOTES
    kept: dict[str, Any] = {}
    left_out: list[str] = []
    members = list(islice(values.items(), _MOST_MEMBERS))
    for key, value in sorted(
        members, key=lambda item: (item[0] not in _FIRST, size(item[1], most))
    ):
        part = _part(key, value, left)
        left -= size(part, most) if part else 0
        kept.update(part)
        if not part:
            left_out.append(f'{key:.40}')
    found = {
        name: kept[name] for key, _ in members for name in (key, f'{key}_in_all') if name in kept
    }
    if left_out:
        found['left_out'] = left_out[:_NAMED]
    in_all = len(left_out) + len(values) - len(members)
    if in_all > _NAMED:
        found['left_out_in_all'] = in_all
    return found


def _part(key: str, value: Any, most: int) -> dict[str, Any]:
    """Return a member as far as there is room, empty if there is none."""
    if size({key: value}, most) <= most:
        return {key: value}
    room = most - 2 * size(key, most) - 40
    if room < 0:
        return {}
    if isinstance(value, str):
        # A letter may take twelve bytes: a pair of surrogates, each such as \ud83d.
        return {key: f'{value[: room // 12 - 1]} …'} if room > 60 else {}
    if isinstance(value, (list, tuple)):
        items: list[Any] = []
        for item in value:
            room -= size(item, room) + 2
            if room < 0:
                break
            items.append(item)
        return {key: items, f'{key}_in_all': len(value)}
    if isinstance(value, Mapping) and room > 2 * _NOTES:
        return {key: fitted(value, room)}
    return {}


def size(value: Any, most: int) -> int:
    """
    Return how many bytes of JSON a value has, or of one with more than `most` some larger number.

    What is too large costs no more than what is not.
    """
    least, waiting = 0, [value]
    while waiting and least <= most:
        part = waiting.pop()
        if isinstance(part, str):
            least += len(part)
        elif isinstance(part, Mapping):
            least += 5 * len(part)
            if least <= most:
                waiting += part.keys()
                waiting += part.values()
        elif isinstance(part, (list, tuple)):
            least += 2 * len(part)
            if least <= most:
                waiting += part
    return most + 1 if least > most else len(json.dumps(value, default=str))
