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

# Of what a peer says is a secret: the longest, in characters, and how many of each link are known.
LONGEST, MOST_LEARNT = 4096, 8
_SHORTEST_LEARNT = 8
_WORD = re.compile('[A-Za-z_ ]{0,23}')
_learnt: dict[str, dict[str, tuple[str, ...]]] = {}
_learnt_forms: list[str] = []
_lock = threading.Lock()


def hide(*secrets: str) -> None:
    """Name secrets of the robot's own, to be taken out of every text from now on."""
    global _pattern
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            _secrets.update(dict.fromkeys(_forms(secret)))
    # The longest first: one may be a part of another.
    words = sorted(_secrets, key=len, reverse=True)
    _pattern = re.compile('|'.join(map(re.escape, words))) if words else None
    _note_bytes()


def hide_learnt(link: str, secret: str) -> None:
    """
    Name a secret that the peer of a link said, of at most `LONGEST` characters.

    A peer may say ever new ones: of each link the latest are known. What is a mere word stays in
    all texts, lest a peer takes the words of the log and the audit log out.
    """
    global _learnt_forms
    if len(secret) < _SHORTEST_LEARNT or _WORD.fullmatch(secret):
        return
    with _lock:
        learnt = _learnt.setdefault(link, {})
        learnt.pop(secret, None)
        learnt[secret] = _forms(secret[:LONGEST])
        if len(learnt) > MOST_LEARNT:
            del learnt[next(iter(learnt))]
        forms = {form for each in _learnt.values() for secret in each.values() for form in secret}
        _learnt_forms = sorted(forms, key=len, reverse=True)
        _note_bytes()


def _forms(secret: str) -> tuple[str, ...]:
    """Return what others make of a secret: addresses, headers, JSON."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip('=')
    in_json = (json.dumps(secret, ensure_ascii=both)[1:-1] for both in (True, False))
    return tuple({secret, quote(secret, safe=''), quote(secret), encoded, *in_json})


def _note_bytes() -> None:
    global _in_bytes
    words = [*sorted(_secrets, key=len, reverse=True), *_learnt_forms]
    _in_bytes = [(word.encode(), b'*' * len(word.encode())) for word in words]


def redacted(text: str) -> str:
    """Return a text without any secret that is known."""
    if _pattern is not None:
        text = _pattern.sub(HIDDEN, text)
    for form in _learnt_forms:
        if form in text:
            text = text.replace(form, HIDDEN)
    return text


def masked(data: bytes) -> bytes:
    """Return bytes of the same length without any secret that is known."""
    for secret, hidden in _in_bytes:
        if secret in data:
            data = data.replace(secret, hidden)
    return data


def redacted_value(value: Any) -> Any:
    """Return a value of JSON's kind without any secret in its texts, keys included."""
    if _pattern is None and not _learnt_forms:
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
