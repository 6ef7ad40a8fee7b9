# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How do control messages outlive the process: the control lane's entries on disk.

The lane in memory is the truth; this follows it within milliseconds. Changes that wait for the
disk are joined, so that a message that came and went in the meantime is never written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
import contextlib
from dataclasses import fields
import json
import sqlite3
import threading
from typing import Any

from .. import messages
from ..messages import CommandState, DURABLE
from .json_text import dumps
from .store import readable, Store

# Number of an entry in the order of all, its message_id, and its message as text.
Row = tuple[int, str, str]

_KINDS = {kind.__name__: kind for kind in DURABLE}
_ALL = 'SELECT number, message_id, message FROM outbox ORDER BY number'
_WRITE = 'INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)'
_DELIVERY = ('message_id', 'resent')


def to_text(message: Any) -> str:
    """Write a message as JSON; TypeError for what JSON cannot hold."""
    kind = type(message)
    values = {
        field.name: getattr(message, field.name)
        for field in fields(kind)
        if field.name not in _DELIVERY
    }
    return dumps([kind.__name__, values])


def from_text(text: str, message_id: str = '', resent: bool = False) -> Any:
    """Message of a text, with its delivery filled in where it has room; ValueError if none."""
    try:
        name, values = json.loads(text)
        kind = _KINDS[name]
        if kind is messages.CommandStatus:
            values['state'] = CommandState(values['state'])
        if 'message_id' in {field.name for field in fields(kind)}:
            values = {**values, 'message_id': message_id, 'resent': resent}
        return kind(**values)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f'not a message of this version: {error}') from None


class Outbox:
    """The entries of one control lane in a store."""

    schema = (
        'CREATE TABLE IF NOT EXISTS outbox '
        '(number INTEGER PRIMARY KEY, message_id TEXT NOT NULL, message TEXT NOT NULL)'
    )

    def __init__(self, store: Store) -> None:
        self._store = store
        # Changes that are not on disk yet, by number: a row to write, or None to delete.
        self._changes: dict[int, Row | None] = {}
        self._lock = threading.Lock()  # Held for a few instructions, never over I/O.
        self._flushing = False
        self._salvaged: list[Row] = []
        self._loaded = False
        # What an earlier run left, numbered below 0; the lane takes it from here.
        self.left: deque[Row] = deque()
        # What the lane holds: it is written whole to a file that is begun anew.
        self.entries: Callable[[], Iterable[Row]] = tuple
        store.add(self)

    def open(self, timeout: float = 10.0) -> None:
        """Read what an earlier run left; a disk that takes longer is waited for no more."""
        with contextlib.suppress(TimeoutError):
            self._store.run(lambda db: None).result(timeout)

    def write(self, row: Row) -> None:
        """Keep an entry, soon; never blocks."""
        self._change(row[0], row)

    def delete(self, number: int) -> None:
        """Forget an entry, soon; never blocks."""
        self._change(number, None)

    def restore(self, new: sqlite3.Connection, old: sqlite3.Connection | None) -> None:
        """Bring a file to what the lane holds, and the first time also read it."""
        with self._lock:
            self._changes.clear()
            rows = list(self.entries())
        left: list[Row] = []
        if not self._loaded:
            there = self._salvaged + [row for row in new.execute(_ALL) if _is_row(row)]
            left = [(at - len(there), *row[1:]) for at, row in enumerate(there)]
        new.execute('DELETE FROM outbox')
        new.executemany(_WRITE, left + rows)
        new.commit()
        self._loaded = True
        self._salvaged.clear()
        self.left.extend(left)

    def salvage(self, db: sqlite3.Connection) -> None:
        """Take from a corrupt file what can still be read, unless the lane has it."""
        if not self._loaded:
            self._salvaged += filter(_is_row, readable(db.execute(_ALL)))

    def _change(self, number: int, row: Row | None) -> None:
        with self._lock:
            self._changes[number] = row
            flush, self._flushing = not self._flushing, True
        if flush:
            self._store.run(self._flush)

    def _flush(self, db: sqlite3.Connection) -> None:
        with self._lock:
            self._flushing = False
            changes, self._changes = self._changes, {}
        if self._store.problem:  # The lane has it all; a second copy in memory helps nobody.
            return
        db.executemany(_WRITE, [row for row in changes.values() if row is not None])
        db.executemany(
            'DELETE FROM outbox WHERE number = ?',
            [(number,) for number, row in changes.items() if row is None],
        )


def _is_row(row: Any) -> bool:
    # SQLite itself would let anything be anywhere.
    return list(map(type, row)) == [int, str, str]
