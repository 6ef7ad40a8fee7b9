# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep secrets out of everything that is printed or kept.

Whoever learns a secret names it to `hide`; from then on `redacted` takes it out of any text, also
in the forms it has in addresses, headers and JSON. Log records and tracebacks pass through it.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import threading
import traceback
from typing import Any
from urllib.parse import quote

HIDDEN = '***'
# A value is a secret where one of these is a part of its key.
SECRET_KEYS = ('secret', 'token', 'password', 'credential', 'api_key', 'authorization')
# Shorter words would take half of every text with them; such a secret protects nothing anyway.
_SHORTEST = 4

_secrets: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None
_in_bytes: list[tuple[bytes, bytes]] = []


def hide(*secrets: str) -> None:
    """Name secrets, to be taken out of every text from now on."""
    global _pattern, _in_bytes
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            encoded = base64.b64encode(secret.encode()).decode().rstrip('=')
            in_json = (json.dumps(secret, ensure_ascii=both)[1:-1] for both in (True, False))
            forms = (secret, quote(secret, safe=''), quote(secret), encoded, *in_json)
            _secrets.update(dict.fromkeys(forms))
    # The longest first: one may be a part of another.
    words = sorted(_secrets, key=len, reverse=True)
    _pattern = re.compile('|'.join(map(re.escape, words))) if words else None
    _in_bytes = [(word.encode(), b'*' * len(word.encode())) for word in words]


def redacted(text: str) -> str:
    """Return a text without any secret that is known."""
    return _pattern.sub(HIDDEN, text) if _pattern is not None else text


def masked(data: bytes) -> bytes:
    """Return bytes of the same length without any secret that is known."""
    for secret, hidden in _in_bytes:
        if secret in data:
            data = data.replace(secret, hidden)
    return data


def redacted_value(value: Any) -> Any:
    """Return a value of JSON's kind without any secret in its texts, keys included."""
    if _pattern is None:
        return value
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {redacted_value(key): redacted_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted_value(item) for item in value]
    return value


def redact_everything() -> None:
    """Let all log records of Python and all uncaught exceptions pass through `redacted`."""
    make = logging.getLogRecordFactory()

    def make_redacted(*args: Any, **options: Any) -> logging.LogRecord:
        record = make(*args, **options)
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += '\n' + ''.join(traceback.format_exception(record.exc_info[1]))
            record.exc_info = None
        record.msg, record.args = redacted(text), None
        return record

    def print_redacted(error: BaseException | None) -> None:
        if error is not None:
            print(redacted(''.join(traceback.format_exception(error))), file=sys.stderr)

    logging.setLogRecordFactory(make_redacted)
    sys.excepthook = lambda kind, error, trace: print_redacted(error)
    threading.excepthook = lambda arguments: print_redacted(arguments.exc_value)
