# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What became of telemetry while the link was down: samples on disk, thinned as they grow old.

At the bound in bytes the older half is joined in pairs, so that what is long ago stays known, ever
more coarsely; a pair keeps the later value of each key. What is older than the bound of age goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
import json
import sqlite3
import time
from typing import Any

from .json_text import dumps
from .store import Store

# Samples are written this many at a time: a disk is not to be worn by telemetry.
_BATCH = 16
# A sample that would fill this part of the room (a picture) is not kept.
_LARGEST = 1 / 64

Sample = Mapping[str, Any]


class History:
    """Samples {time, values} of one link; lives in the link thread, works in the store's."""

    schema = (
        'CREATE TABLE IF NOT EXISTS history '
        '(number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, '
        'sample TEXT NOT NULL); '
        'CREATE INDEX IF NOT EXISTS history_time ON history (time)'
    )

    def __init__(self, store: Store, max_bytes: int, max_age: float) -> None:
        """Take the bounds: bytes of JSON text, and s."""
        self._store = store
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._new: list[tuple[float, str]] = []
        # How many samples each job has that the store may not have done yet.
        self._writing: list[tuple[Future[None], int]] = []
        # Of what is in the store; written by its thread alone.
        self._stored = 0
        self._bytes = 0
        self.dropped = 0
        store.add(self)

    @property
    def queued(self) -> int:
        """How many samples wait."""
        # In this order, so that what is written meanwhile counts twice rather than not at all.
        writing = sum(count for job, count in self._writing if not job.done())
        return writing + self._stored + len(self._new)

    def add(self, values: Mapping[str, Any]) -> None:
        """Keep values of now; TypeError for what JSON cannot hold."""
        text = dumps(values)
        if len(text) > self._max_bytes * _LARGEST:
            self.dropped += 1
            return
        self._new.append((time.time(), text))
        if len(self._new) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what was added since."""
        if self._new:
            new, self._new = self._new, []
            self._writing = [one for one in self._writing if not one[0].done()]
            self._writing.append((self._store.run(lambda db: self._write(db, new)), len(new)))

    async def oldest(self, max_bytes: int) -> tuple[int, list[Sample]]:
        """Oldest samples of up to `max_bytes`, at least one if any, and the number to `forget`."""
        self.flush()
        found = await asyncio.wrap_future(self._store.run(lambda db: _oldest(db, max_bytes)))
        return found or (0, [])

    async def forget(self, number: int) -> None:
        """Forget the samples up to a number: the peer has them."""
        await asyncio.wrap_future(
            self._store.run(lambda db: self._delete(db, 'number <= ?', number))
        )

    def restore(self, new: sqlite3.Connection, old: sqlite3.Connection | None) -> None:
        """Bring over what was kept in memory while the file could not be used."""
        if old is not None:
            new.executemany(
                _INSERT, old.execute('SELECT time, sample FROM history ORDER BY number')
            )
        self._stored, self._bytes = new.execute(_SIZE).fetchone()

    def salvage(self, db: sqlite3.Connection) -> None:
        """Leave it: a gap in the history is no fault."""

    def _write(self, db: sqlite3.Connection, samples: list[tuple[float, str]]) -> None:
        db.executemany(_INSERT, samples)
        self._stored += len(samples)
        self._bytes += sum(len(text) for _, text in samples)
        # A clock that was set back makes samples of the future; they count as new.
        self._delete(db, 'time < ?', time.time() - self._max_age, dropped=True)
        if self._bytes > self._max_bytes:
            self._thin(db)

    def _thin(self, db: sqlite3.Connection) -> None:
        before = self._bytes
        rows = db.execute(
            "SELECT number, coalesce(sample, '') FROM history ORDER BY number LIMIT ?",
            (self._stored // 2,),
        ).fetchall()
        for (first, early), (second, late) in zip(rows[::2], rows[1::2], strict=False):
            joined = dumps({**_values(early), **_values(late)})
            db.execute('DELETE FROM history WHERE number = ?', (first,))
            db.execute('UPDATE history SET sample = ? WHERE number = ?', (joined, second))
            self._stored -= 1
            self.dropped += 1
            self._bytes += len(joined) - len(early) - len(late)
        # Keys that have nothing in common join into nothing smaller: then the oldest go.
        if rows and before - self._bytes < self._max_bytes / 16:
            self._delete(db, 'number <= ?', rows[len(rows) // 2][0], dropped=True)

    def _delete(
        self, db: sqlite3.Connection, where: str, value: float, dropped: bool = False
    ) -> None:
        count, size = db.execute(f'{_SIZE} WHERE {where}', (value,)).fetchone()
        db.execute(f'DELETE FROM history WHERE {where}', (value,))
        self._stored -= count
        self._bytes -= size
        self.dropped += count if dropped else 0


_INSERT = 'INSERT INTO history (time, sample) VALUES (?, ?)'
_SIZE = 'SELECT count(*), coalesce(sum(length(sample)), 0) FROM history'


def _values(text: str) -> dict[str, Any]:
    """Values of a sample, none if the disk damaged it."""
    try:
        values = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _oldest(db: sqlite3.Connection, max_bytes: int) -> tuple[int, list[Sample]]:
    last, size = 0, 0
    samples: list[Sample] = []
    for number, moment, text in db.execute(
        "SELECT number, time, coalesce(sample, '') FROM history ORDER BY number"
    ):
        size += len(text)
        if last and size > max_bytes:
            break
        if values := _values(text):
            samples.append({'time': moment, 'values': values})
        last = number
    return last, samples
