# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Bound how long an answer is: lists are cut, and what makes an error too large is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from typing import Any

# Of an answer to one command, bytes of JSON.
MAX_ANSWER = 16_000
_MOST = 50
_LONGEST = 4000


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
    kept: dict[str, Any] = {**error, 'message': message}
    if _size(kept) <= MAX_ANSWER:
        return kept
    details = {key: value for key, value in kept.items() if key not in ('code', 'message')}
    kept = {'code': str(error.get('code', ''))[:80], 'message': message}
    left_out = []
    for key, value in sorted(details.items(), key=lambda item: _size(item[1])):
        if _size({**kept, key: value}) <= MAX_ANSWER - 500:
            kept[key] = value
        else:
            left_out.append(str(key)[:80])
    return {**kept, 'left_out': left_out[:_MOST]}


def _size(value: Any) -> int:
    return len(json.dumps(value, default=str))
