# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep texts by key over restarts: a dict in memory, and behind it a table of state.sqlite.

The memory is the truth and the disk follows it; of changes of one key that wait for the disk only
the latest is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import sqlite3
import threading
from typing import Any

from ..errors import BadInput
from .schema import checksum, COLUMNS, is_whole, storable
from .writer import Job, Writer

# When more changes wait for a disk that hangs, all is written anew instead.
_MAX_CHANGES = 50_000


class NoRoom(BadInput):
    """A table has as many entries, or bytes, as it may have."""


class Mirror:
    """
    Rows of a table that are all in memory too, for `rows` to give; the first column is the key.

    With a `lane` they are those that have it in a first column of the table's, which is left out.
    """

    def __init__(self, writer: Writer | None, table: str, lane: str | None = None) -> None:
        self._writer = writer
        self._lock = writer.lock if writer is not None else threading.Lock()
        self._changes: dict[Any, tuple[Any, ...] | None] = {}
        self._whole = False
        # What an earlier run left and this one could not read in time stays where it is.
        self._unread = False
        columns = COLUMNS[table]
        first, where = '', ''
        if lane is not None:
            # In the statement rather than in each row: a tenth of the time of an append.
            literal = "'" + storable(lane).replace("'", "''") + "'"
            first, where, columns = f'{literal}, ', f'lane = {literal} AND ', columns[1:]
        marks = ', '.join('?' * len(columns))
        self._insert = f'INSERT OR REPLACE INTO {table} VALUES ({first}{marks})'
        self._delete = f'DELETE FROM {table} WHERE {where}{columns[0]} = ?'
        self._ready = threading.Event()
        if writer is None:
            self._ready.set()

    def rows(self) -> Iterable[tuple[Any, ...]]:
        """Return all rows there must be; called in the writer's thread."""
        raise NotImplementedError

    def clear(self, db: sqlite3.Connection) -> None:
        """Delete all rows."""
        raise NotImplementedError

    def change(self, key: Any, row: tuple[Any, ...] | None) -> int:
        """Write a row soon, or with None delete it, and return the mark; never blocks."""
        if self._writer is None:
            return 0
        with self._lock:
            self._changes[key] = row
            if len(self._changes) > _MAX_CHANGES and not self._unread:
                # So many only wait for a disk that hangs: then all is written once it does not.
                self._changes.clear()
                self._whole = True
            return self._writer.schedule()

    @property
    def mark(self) -> int:
        """The writer's mark of what was put so far, by any part."""
        return self._writer.mark() if self._writer is not None else 0

    def restore(self, db: sqlite3.Connection) -> None:
        with self._lock:
            self._changes.clear()
            self._whole = False
        if not self._unread:
            self.clear(db)
        self._put_rows(db, list(self.rows()))

    def collect(self) -> Job | None:
        changes, self._changes = self._changes, {}
        if self._whole:
            self._whole = False
            return self.restore
        return (lambda db: self._write(db, changes)) if changes else None

    def settle(self, written: bool) -> None:
        pass  # The memory has it all, and `restore` writes it.

    def _write(self, db: sqlite3.Connection, changes: dict[Any, tuple[Any, ...] | None]) -> None:
        deleted = [(key,) for key, row in changes.items() if row is None]
        if deleted:
            db.executemany(self._delete, deleted)
        self._put_rows(db, [row for row in changes.values() if row is not None])

    def _put_rows(self, db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
        try:
            db.executemany(self._insert, rows)
        except UnicodeEncodeError:  # Half a surrogate pair: rare, so not looked for before.
            db.executemany(self._insert, map(_storable_row, rows))


class Table(Mirror):
    """
    Texts by key, for one thread; in the order they were put, the latest last.

    At the bounds `put` refuses, or with `evicts` lets the oldest go.
    """

    def __init__(
        self,
        writer: Writer | None,
        name: str,
        *,
        max_entries: int,
        max_bytes: int,
        evicts: bool = False,
        timeout: float = 0.0,
    ) -> None:
        """Read what an earlier run left, but wait no longer than `timeout` s for the disk."""
        super().__init__(writer, name)
        self._name = name
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._evicts = evicts
        self._texts: dict[str, str] = {}
        self._bytes = 0
        # How many rows were not what the bridge wrote.
        self.damaged = 0
        # Whether what an earlier run left is here.
        self.loaded = writer is None
        if writer is not None:
            writer.add(self, self._ready.set)
            self._ready.wait(timeout)
            with self._lock:
                self._unread = not self.loaded

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def get(self, key: str) -> str | None:
        """Return the text of a key."""
        return self._texts.get(key)

    def items(self) -> list[tuple[str, str]]:
        """Return all keys and texts."""
        return list(self._texts.items())

    def put(self, key: str, value: str) -> None:
        """
        Keep a text; never waits for the disk.

        :raises NoRoom: if the bounds are reached, or the text alone is beyond them.
        """
        key, value = storable(key), storable(value)
        size = _size(key, value)
        old = _size(key, self._texts[key]) if key in self._texts else 0
        if size > self._max_bytes:
            raise NoRoom(f'expected at most {self._max_bytes} bytes, not {size}')
        if not self._evicts:
            if not old and len(self._texts) >= self._max_entries:
                raise NoRoom(f'{self._max_entries} {self._name} are kept already')
            if self._bytes - old + size > self._max_bytes:
                raise NoRoom(f'{self._name} would take more than {self._max_bytes} bytes')
        self._texts.pop(key, None)
        self._texts[key] = value
        self._bytes += size - old
        self.change(key, _row(key, value))
        while len(self._texts) > self._max_entries or self._bytes > self._max_bytes:
            self.delete(next(iter(self._texts)))

    def delete(self, key: str) -> None:
        """Forget a key."""
        key = storable(key)
        value = self._texts.pop(key, None)
        if value is not None:
            self._bytes -= _size(key, value)
            self.change(key, None)

    def rows(self) -> list[tuple[Any, ...]]:
        # To list a dict's items is one step of the interpreter.
        return [_row(key, value) for key, value in list(self._texts.items())]

    def clear(self, db: sqlite3.Connection) -> None:
        db.execute(f'DELETE FROM {self._name}')

    def load(self, db: sqlite3.Connection) -> None:
        found = db.execute(f'SELECT key, value, crc FROM {self._name} ORDER BY rowid').fetchall()
        whole = {row[0]: row[1] for row in found if is_whole(self._name, row)}
        with self._lock:
            if self._unread:
                return
            self._texts = whole
            self._bytes = sum(_size(key, value) for key, value in whole.items())
            self.damaged = len(found) - len(whole)
            self.loaded = True


def _storable_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(storable(value) if isinstance(value, str) else value for value in row)


def _size(key: str, value: str) -> int:
    """About what an entry takes, bytes."""
    return len(key) + len(value) + 100


def _row(key: str, value: str) -> tuple[Any, ...]:
    return key, value, checksum(key, value)
