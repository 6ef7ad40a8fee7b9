# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Writes JSON for anywhere: the wire, REST, ROS strings, state files; sound whatever a robot gave.

What JSON, or its readers, cannot hold is replaced: NaN, infinities, whole numbers outside 64 bits
and what is nested over 200 levels deep become null, halves of surrogate pairs U+FFFD, bytes
base64, numpy arrays lists. So whatever was written can be read by `json_reader`. orjson is used
where it is installed and gives the same text several times faster.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
import json
import math
import re
from typing import Any

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

MAX_DEPTH = 200  # Levels; orjson writes 254 of them.
_LEAST, _MOST = -(2**63), 2**64 - 1
_LONG_NUMBER = re.compile('[0-9]{19}')
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(r'[\[\]{}]')


class Circular(TypeError):
    """A value that holds itself, such as a list in itself."""


def dumps(value: Any) -> str:
    """
    Return compact JSON text of a value.

    :raises TypeError: for a type that JSON has no form for.
    """
    if orjson is not None:
        try:
            return orjson.dumps(value, _foreign, orjson.OPT_SERIALIZE_NUMPY).decode()
        except TypeError:  # What only the standard library takes, such as keys that are numbers.
            pass
    try:
        text = _plain_dumps(value)
    except ValueError as error:
        if 'Circular' in str(error):
            raise Circular('what holds itself has no JSON form') from error
        return _plain_dumps(_sound(value, MAX_DEPTH))
    except RecursionError:
        return _plain_dumps(_sound(value, MAX_DEPTH))
    if _suspicious(text):
        return _plain_dumps(_sound(value, MAX_DEPTH))
    return text


def dumps_any(value: Any) -> str:
    """Return compact JSON text of anything: what has no JSON form is written as its text."""
    try:
        return dumps(value)
    except Circular:
        return json.dumps(f'{type(value).__name__} that holds itself')
    except TypeError:
        return _plain_dumps(_sound(value, MAX_DEPTH, _text))


def _plain_dumps(value: Any) -> str:
    return json.dumps(
        value, separators=(',', ':'), ensure_ascii=False, allow_nan=False, default=_foreign
    )


def _suspicious(text: str) -> bool:
    """Whether a text may hold what `_sound` replaces; it is looked at in passes of C alone."""
    if _LONG_NUMBER.search(text):
        return True
    if text.count('[') + text.count('{') > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _depth(text: str) -> int:
    """Return how many levels a text has."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub('', text)):
        if bracket in '[{':
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _sound(value: Any, levels: int, foreign: Callable[[Any], Any] | None = None) -> Any:
    """Return a value with all replaced that JSON or its readers cannot hold."""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if _LEAST <= value <= _MOST else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (dict, list, tuple)):
        if not levels:
            return None
        if isinstance(value, dict):
            return {_key(key): _sound(item, levels - 1, foreign) for key, item in value.items()}
        return [_sound(item, levels - 1, foreign) for item in value]
    return _sound((foreign or _foreign)(value), levels, foreign)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return _whole(key)
    # As the standard library writes them.
    return json.dumps(key) if key is None or isinstance(key, (bool, int, float)) else str(key)


def _whole(text: str) -> str:
    return text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')


def _text(value: Any) -> Any:
    try:
        return _foreign(value)
    except Exception:  # Whatever a class of somebody else's does.
        pass
    try:
        return str(value)
    except Exception:
        return type(value).__name__


def _foreign(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode('ascii')
    if hasattr(value, 'tolist'):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, '__iter__'):
        return list(value)
    raise TypeError(f'{type(value).__name__} has no JSON form')
