# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep the control lane's entries on disk, so that they outlive the process.

The lane in memory is the truth; this follows it within milliseconds. Changes that wait for the
disk are joined, so that a message that came and went in the meantime leaves no row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
import sqlite3
from typing import Any

from .. import messages
from ..json_reader import read_own, read_written
from ..json_writer import dumps
from ..messages import CommandState, DURABLE
from ..state import Mirror, Writer
from ..state.schema import storable

# Number of an entry in the order of all, its message_id, and its message as text.
Row = tuple[int, str, str]

_KINDS = {kind.__name__: kind for kind in DURABLE}
_ALL = 'SELECT number, message_id, message FROM outbox WHERE lane = ? ORDER BY number'
# SQLite itself would let anything be anywhere.
_ROW_TYPES = [int, str, str]
_DELIVERY = ('message_id', 'resent')


@cache  # To ask `fields` for each message would be a fifth of an append.
def _names(kind: Any) -> tuple[str, ...]:
    """Names of the fields that are written of a kind."""
    return tuple(field.name for field in fields(kind) if field.name not in _DELIVERY)


# Kinds whose messages say how they are delivered.
_DELIVERED = frozenset(
    kind for kind in DURABLE if 'message_id' in {field.name for field in fields(kind)}
)


def to_text(message: Any) -> str:
    """Write a message as JSON; TypeError for what JSON cannot hold."""
    kind: Any = type(message)
    return dumps([kind.__name__, {name: getattr(message, name) for name in _names(kind)}])


def from_text(
    text: str, message_id: str = '', resent: bool = False, *, written: bool = False
) -> Any:
    """
    Return the message of a text, with its delivery filled in where it has room.

    `written`: by this process, so that nothing can be wrong with it.

    :raises ValueError: for a text that is none.
    """
    try:
        name, values = (read_written if written else read_own)(text)
        kind = _KINDS[name]
        if kind is messages.CommandStatus:
            values['state'] = CommandState(values['state'])
        if kind in _DELIVERED:
            values = {**values, 'message_id': message_id, 'resent': resent}
        return kind(**values)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f'not a message of this version: {error}') from None


class Outbox(Mirror):
    """The entries of one control lane, by link and protocol, in the state's file."""

    def __init__(self, writer: Writer, lane: str) -> None:
        super().__init__(writer, 'outbox', lane)
        self._lane = storable(lane)
        self._loaded = False
        # What an earlier run left, numbered below 0; the lane takes it from here.
        self.left: deque[Row] = deque()
        # What the lane holds: it is written whole to a file that is begun anew.
        self.entries: Callable[[], Iterable[Row]] = tuple
        writer.add(self, self._ready.set)

    def open(self, timeout: float = 5.0) -> None:
        """Wait for what an earlier run left; where the disk takes longer it comes later."""
        self._ready.wait(timeout)

    def write(self, row: Row) -> int:
        """Keep an entry, soon, and return the writer's mark of that; never blocks."""
        return self.change(row[0], row)

    def delete(self, number: int) -> None:
        """Forget an entry, soon; never blocks."""
        self.change(number, None)

    def taken(self, count: int) -> None:
        """Forget that the first of `left` are left: the lane holds them now."""
        for _ in range(count):
            self.left.popleft()

    def rows(self) -> list[tuple[Any, ...]]:
        return [*self.left, *self.entries()]

    def clear(self, db: sqlite3.Connection) -> None:
        db.execute('DELETE FROM outbox WHERE lane = ?', (self._lane,))

    def load(self, db: sqlite3.Connection) -> None:
        """Read what an earlier run left, and number it before all that is new."""
        if self._loaded:
            return
        there = [
            row for row in db.execute(_ALL, (self._lane,)) if list(map(type, row)) == _ROW_TYPES
        ]
        self.left.extend((at - len(there), *row[1:]) for at, row in enumerate(there))
        self._loaded = True
        self.restore(db)
