# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep records in order until they are sent: on disk, and in memory only until they are there.

While the disk fails or hangs they stay in memory, within a bound of its own.
"""

from __future__ import annotations

from collections.abc import Callable
import sqlite3
import threading
import time
from typing import Any

from .schema import storable
from .writer import Job, Writer

# Room in memory for what the disk has not taken, bytes: a megabyte is joined in 20 ms.
MAX_WAITING = 1 << 20
# What a record costs beside its text, bytes, about.
OVERHEAD = 16

# Time (s since 1970) and text of a record.
Record = tuple[float, str]


class Queue:
    """
    The records of one lane; made and used in one thread, written by the writer's.

    At a bound the oldest go and are counted; a subclass may join them instead.
    """

    def __init__(
        self, writer: Writer | None, table: str, lane: str, max_bytes: int, *, batch: int = 1
    ) -> None:
        """Write records this many at a time: a disk is not to be worn by telemetry."""
        self._writer = writer
        self._lock = writer.lock if writer is not None else threading.Lock()
        self._table = table
        self._lane = storable(lane)
        self._max_bytes = max_bytes
        self._room = max_bytes if writer is None else min(max_bytes, MAX_WAITING)
        self._batch = batch
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        self._writing: list[Record] = []
        self._flushing = False
        # Handed out from memory, and not forgotten yet.
        self._out: list[Record] = []
        # Of what is on disk; the writer's alone to change.
        self._stored = 0
        self._bytes = 0
        self.dropped = 0
        if writer is not None:
            writer.add(self, lambda: None)

    def __len__(self) -> int:
        """Return how many records wait."""
        with self._lock:
            return self._stored + len(self._writing) + len(self._waiting) + len(self._out)

    def append(self, text: str) -> None:
        """Keep a record of now."""
        text = storable(text)
        full: list[Record] = []
        # A pair in a list, and the writer woken once a batch: with its share of the writer's time
        # a record takes 8 µs of CPU (docs/performance.md); 100,000 a second may take 10.
        with self._lock:
            self._waiting.append((self.now(), text))
            self._waiting_bytes += _size(text)
            if self._writer is not None and len(self._waiting) >= self._batch:
                self._flushing = True
                self._writer.schedule()
            if self._waiting_bytes > self._room:
                full, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if full:  # Without the lock: it takes a while.
            joined = self.join(full, self._room)
            with self._lock:
                self._put_back(joined)

    def now(self) -> float:
        """Return the time that a record of now has in memory, s."""
        return time.time()

    def since_1970(self, moment: float) -> float:
        """Return the time since 1970 of what has this time in memory, s."""
        return moment

    def flush(self) -> None:
        """Write what was appended since, and what was handed out from memory and not sent."""
        with self._lock:
            self._put_back(self._out)
            self._out = []
            if self._writer is not None and self._waiting:
                self._flushing = True
                self._writer.schedule()

    def ask_oldest(self, max_bytes: int, answer: Callable[[int, list[Record]], object]) -> None:
        """
        Give the oldest records of up to `max_bytes`, at least one if any, to `answer`.

        It is also given the number to `forget` once they are sent, 0 if there is nothing, and is
        called in the writer's thread, or at once where there is no disk.
        """
        self.flush()

        def on_found(found: Any) -> None:
            if found is None or not found[0]:
                found = self._oldest_in_memory(max_bytes)
            answer(*found)

        if self._writer is None:
            on_found(None)
        else:
            self._writer.ask(lambda db: self._oldest(db, max_bytes), on_found)

    def forget(self, number: int) -> None:
        """Forget the records up to a number."""
        if number < 0 or self._writer is None:
            with self._lock:
                self._out = []
                if self._writer is not None and self._flushing:
                    self._writer.schedule()
        else:
            self._writer.ask(
                lambda db: self._remove(db, 'number <= ?', number), lambda result: None
            )

    def join(self, records: list[Record], max_bytes: int) -> list[Record]:
        """Make records fit; called in the queue's thread, so it takes no more than 50 ms."""
        size = sum(_size(text) for _, text in records)
        first = 0
        while size > max_bytes and first < len(records):
            size -= _size(records[first][1])
            first += 1
        self.dropped += first
        return records[first:]

    def bound(self, db: sqlite3.Connection) -> None:
        """Keep the bound on disk."""
        while self._bytes > self._max_bytes and self._stored:
            [(number,)] = db.execute(
                f'SELECT max(number) FROM (SELECT number FROM {self._table} WHERE lane = ? '
                'ORDER BY number LIMIT ?)',
                (self._lane, max(self._stored // 16, 1)),
            )
            self._remove(db, 'number <= ?', number, dropped=True)

    def _put_back(self, records: list[Record]) -> None:
        self._waiting = records + self._waiting
        self._waiting_bytes += sum(_size(text) for _, text in records)

    # --- the writer's thread ---

    def load(self, db: sqlite3.Connection) -> None:
        self._count(db)

    def restore(self, db: sqlite3.Connection) -> None:
        self._count(db)

    def collect(self) -> Job | None:
        # What is handed out may have to go back, before what came after it.
        if not self._flushing or not self._waiting or self._out:
            return None
        self._flushing = False
        self._writing += self._waiting
        self._waiting, self._waiting_bytes = [], 0
        return self._write

    def settle(self, written: bool) -> None:
        with self._lock:
            if not written:
                self._put_back(self._writing)
                self._flushing = True
            self._writing = []

    def _write(self, db: sqlite3.Connection) -> None:
        records = self._writing
        db.executemany(
            f'INSERT INTO {self._table} (lane, time, item) VALUES (?, ?, ?)',
            [(self._lane, self.since_1970(moment), text) for moment, text in records],
        )
        self._stored += len(records)
        self._bytes += sum(_size(text) for _, text in records)
        self.bound(db)

    def _count(self, db: sqlite3.Connection) -> None:
        self._stored, self._bytes = db.execute(
            f'SELECT count(*), coalesce(sum(length(item)), 0) FROM {self._table} WHERE lane = ?',
            (self._lane,),
        ).fetchone()
        self._bytes += self._stored * OVERHEAD

    def _remove(
        self, db: sqlite3.Connection, where: str, value: float, *, dropped: bool = False
    ) -> None:
        where = f'FROM {self._table} WHERE lane = ? AND {where}'
        count, size = db.execute(
            f'SELECT count(*), coalesce(sum(length(item)), 0) {where}', (self._lane, value)
        ).fetchone()
        db.execute(f'DELETE {where}', (self._lane, value))
        self._stored -= count
        self._bytes -= size + count * OVERHEAD
        self.dropped += count if dropped else 0

    def _oldest(self, db: sqlite3.Connection, max_bytes: int) -> tuple[int, list[Record]]:
        last, size = 0, 0
        records: list[Record] = []
        for number, moment, text in db.execute(
            f"SELECT number, time, coalesce(item, '') FROM {self._table} WHERE lane = ? "
            'ORDER BY number',
            (self._lane,),
        ):
            size += len(text)
            if last and size > max_bytes:
                break
            records.append((moment, text))
            last = number
        return last, records

    def _oldest_in_memory(self, max_bytes: int) -> tuple[int, list[Record]]:
        with self._lock:
            self._put_back(self._out)  # Handed to somebody who no longer waited for it.
            size, count = 0, 0
            for _, text in self._waiting:
                size += len(text)
                if count and size > max_bytes:
                    break
                count += 1
            self._out, self._waiting = self._waiting[:count], self._waiting[count:]
            self._waiting_bytes -= sum(_size(text) for _, text in self._out)
            found = [(self.since_1970(moment), text) for moment, text in self._out]
            return (-1 if found else 0), found


def _size(text: str) -> int:
    return len(text) + OVERHEAD
