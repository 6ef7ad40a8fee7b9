# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Frames as the black box keeps them: whole, but for what may be a secret.

Secrets that the bridge knows are taken out wherever they stand. Others, such as a token that has
just come, are known by the names of their keys.
"""

from __future__ import annotations

from typing import Any

from ...errors import BadInput
from ...json_reader import read_json
from ...json_writer import dumps
from ...redaction import HIDDEN, redacted, SECRET_KEYS

# Characters of a frame that are kept; pictures go by telemetry, and are topics of the robot's.
LONGEST = 256 * 1024
# Of a longer text with the name of a secret in it nothing is kept: to look through it takes long.
_LOOKED_THROUGH = 64 * 1024
_LEVELS = 3  # of JSON in texts of JSON


def kept(frame: str | bytes) -> str:
    """Return what is kept of a frame."""
    if isinstance(frame, bytes):
        return f'({len(frame)} bytes)'
    text = without_secrets(frame)
    if len(text) > LONGEST:
        return f'{text[:LONGEST]}… ({len(text)} characters)'
    return text


def without_secrets(text: str, levels: int = _LEVELS) -> str:
    """Return a text, of JSON as a rule, without what is or may be a secret."""
    text = redacted(text)
    if not _may_have_secrets(text):
        return text
    if len(text) > _LOOKED_THROUGH:
        return f'({len(text)} characters, which may have a secret)'
    try:
        value = read_json(text)
    except (BadInput, ValueError):
        return f'({len(text)} characters that are no JSON, which may have a secret)'
    return dumps(blanked(value, levels))


def _may_have_secrets(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in SECRET_KEYS)


def blanked(value: Any, levels: int = _LEVELS) -> Any:
    """Return a value of JSON's kind without what is a secret by its key."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if item and _may_have_secrets(key) else blanked(item, levels)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [blanked(item, levels) for item in value]
    if isinstance(value, str) and value.lstrip()[:1] in ('{', '[') and _may_have_secrets(value):
        return without_secrets(value, levels - 1) if levels else HIDDEN
    return value
