# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
JSON text for the wire, valid whatever a robot puts into it.

NaN and infinities become null (JSON has none), bytes become base64, numpy arrays lists. orjson is
used where it is installed and gives the same text several times faster.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]


def dumps(value: Any) -> str:
    """Compact JSON text of a value; TypeError for what JSON cannot hold."""
    if orjson is not None:
        try:
            return orjson.dumps(value, _foreign, orjson.OPT_SERIALIZE_NUMPY).decode()
        except TypeError:  # What only the standard library takes: whole numbers over 64 bits.
            pass
    try:
        return json.dumps(
            value, separators=(',', ':'), ensure_ascii=False, allow_nan=False, default=_foreign
        )
    except ValueError:
        return json.dumps(
            _finite(value), separators=(',', ':'), ensure_ascii=False, default=_foreign
        )


def _foreign(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode('ascii')
    if hasattr(value, 'tolist'):
        return _finite(value.tolist())
    if hasattr(value, '__iter__'):
        return list(value)
    raise TypeError(f'{type(value).__name__} has no JSON form')


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
