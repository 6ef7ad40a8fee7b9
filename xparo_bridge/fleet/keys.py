# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find the part of a configuration that a user names, such as links[0].url or links.platform."""

from __future__ import annotations

from collections.abc import Sequence
import re
from typing import Any

from ..alike import alike
from ..layers import NAMED_LISTS
from ..yaml_layers import key_text, KeyPath
from .subject import UsageError

_STEP = re.compile(r'\[(\d+)\]|([^.\[]+)')


def path_of(key: str, data: Any) -> KeyPath:
    """
    Return the path of a key in a configuration.

    Things of lists of named things are named by number or name, keys with dots as they are.

    :raises UsageError: that says what there is.
    """
    if not re.fullmatch(r'(\[\d+\]|[^.\[]+)(\[\d+\]|\.[^.\[]+)*', key):
        raise UsageError(f'{key}: expected a key such as links[0].url or commands.teleop')
    at: KeyPath = ()
    for number, word in _STEP.findall(key):
        data, step = _below(data, number, word, at)
        at = (*at, step)
    return at


def _below(data: Any, number: str, word: str, at: KeyPath) -> tuple[Any, str | int]:
    if isinstance(data, list):
        if number and int(number) < len(data):
            return data[int(number)], int(number)
        names = [_name(each, NAMED_LISTS.get(at, ())) for each in data]
        if word in names:
            return data[names.index(word)], names.index(word)
        known = [name for name in names if name] or [f'[0] to [{len(data) - 1}]']
    elif isinstance(data, dict):
        if word in data:
            return data[word], word
        known = list(data)
    else:
        known = []
    near = alike(word, known, 1)
    hint = f'did you mean "{near[0]}"?' if near else f'there is {", ".join(known) or "nothing"}'
    where = key_text(at) if at else 'the configuration'
    raise UsageError(f'no {word or number} in {where}; {hint}')


def _name(entry: Any, keys: Sequence[str]) -> str:
    return next((str(entry[key]) for key in keys if isinstance(entry, dict) and key in entry), '')
