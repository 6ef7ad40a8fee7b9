# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What became of telemetry while the link was down: samples on disk, thinned as they grow old.

At the bound in bytes the older half is joined in pairs, so that what is long ago stays known, ever
more coarsely; a pair keeps the later value of each key. What is older than the bound of age goes.

Many robots begin with a clock that is days behind, and set it when they have a network. So samples
are timed by a clock that nobody sets, and get the time that the robot's clock says it was: when
that is set, the times of all samples of this process are corrected, and none is taken for old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import sqlite3
import time
from typing import Any

from ..json_reader import read_own
from ..json_writer import dumps
from ..state import Queue, Writer
from ..state.queue import OVERHEAD, Record

# Samples are written this many at a time: a disk is not to be worn by telemetry.
_BATCH = 16
# A sample that would fill this part of the room (a picture) is not kept.
_LARGEST = 1 / 64
# Rows that are joined before the writer goes on with what others wait for: about 20 ms.
_SLICE = 2000

# By how much the robot's clock must have been set to correct times, s: less is drift.
_STEP = 1.0

Sample = Mapping[str, Any]


class History(Queue):
    """Samples {time, values} of one link; lives in the link thread."""

    def __init__(self, writer: Writer | None, lane: str, max_bytes: int, max_age: float) -> None:
        """Take the bounds: bytes of JSON text, and s."""
        self._max_age = max_age
        # The robot's clock minus the one that nobody sets, at the start.
        self._began = time.time() - _steady()
        self._step = 0.0  # What was added to the times on disk since.
        self._first = 0  # Records behind this number are of this process.
        super().__init__(writer, 'history', lane, max_bytes, batch=_BATCH)
        # How many rows this round of thinning has yet to look at, and behind which number.
        self._to_thin = 0
        self._thinned = 0
        self._freed = 0

    @property
    def queued(self) -> int:
        """How many samples wait."""
        return len(self)

    def add(self, values: Mapping[str, Any]) -> None:
        """Keep values of now; TypeError for what JSON cannot hold."""
        text = dumps(values)
        if len(text) > self._max_bytes * _LARGEST:
            self.dropped += 1
            return
        self.append(text)

    def now(self) -> float:
        return self._began + _steady()

    def since_1970(self, moment: float) -> float:
        step = time.time() - self.now()
        return moment + step if abs(step) > _STEP else moment

    async def oldest(self, max_bytes: int) -> tuple[int, list[Sample]]:
        """Oldest samples of up to `max_bytes`, at least one if any, and the number to `forget`."""
        number, records = await oldest(self, max_bytes)
        limit = self.since_1970(self.now()) - self._max_age
        samples = [(moment, _values(text)) for moment, text in records if moment >= limit]
        return number, [{'time': moment, 'values': values} for moment, values in samples if values]

    def join(self, records: list[Record], max_bytes: int) -> list[Record]:
        """Join the older half in pairs; where that frees little, the oldest go."""
        now = self.now()
        kept = [record for record in records if record[0] >= now - self._max_age]
        half = len(kept) // 4 * 2
        joined = [
            (late[0], _joined(early[1], late[1]))
            for early, late in zip(kept[:half:2], kept[1:half:2], strict=True)
        ]
        self.dropped += len(records) - len(joined) - (len(kept) - half)
        size = sum(len(text) + OVERHEAD for _, text in (*joined, *kept[half:]))
        if size > max_bytes - max_bytes // 16:
            self.dropped += len(joined) // 2
            joined = joined[len(joined) // 2 :]
        return super().join(joined + kept[half:], max_bytes)

    def load(self, db: sqlite3.Connection) -> None:
        super().load(db)
        [(number,)] = db.execute('SELECT coalesce(max(number), 0) FROM history')
        self._first = number

    def restore(self, db: sqlite3.Connection) -> None:
        super().restore(db)
        [(number,)] = db.execute('SELECT coalesce(max(number), 0) FROM history')
        if number < self._first:  # A new file.
            self._first = 0

    def _write(self, db: sqlite3.Connection) -> None:
        self._correct(db)
        super()._write(db)

    def _oldest(self, db: sqlite3.Connection, max_bytes: int) -> tuple[int, list[Record]]:
        self._correct(db)
        return super()._oldest(db, max_bytes)

    def _correct(self, db: sqlite3.Connection) -> None:
        """Bring the times of this process's samples to the robot's clock, if that was set."""
        step = time.time() - self.now()
        if abs(step - self._step) > _STEP:
            db.execute(
                'UPDATE history SET time = time + ? WHERE lane = ? AND number > ?',
                (step - self._step, self._lane, self._first),
            )
            self._step = step

    def bound(self, db: sqlite3.Connection) -> None:
        """Keep the bounds of age and bytes on disk, a slice at a time."""
        oldest = db.execute(
            'SELECT time FROM history WHERE lane = ? ORDER BY number LIMIT 1', (self._lane,)
        ).fetchone()
        # A clock that was set back makes samples of the future; they count as new.
        limit = self.since_1970(self.now()) - self._max_age
        if oldest is not None and oldest[0] < limit:
            self._remove(db, 'time < ?', limit, dropped=True)
        if self._bytes > self._max_bytes:
            self._thin(db)
        if self._bytes > self._max_bytes * 2:  # Thinning does not keep up.
            super().bound(db)

    def _thin(self, db: sqlite3.Connection) -> None:
        if self._to_thin <= 1:
            self._to_thin, self._thinned, self._freed = self._stored // 2, 0, 0
        rows = db.execute(
            "SELECT number, coalesce(item, '') FROM history WHERE lane = ? AND number > ? "
            'ORDER BY number LIMIT ?',
            (self._lane, self._thinned, min(self._to_thin, _SLICE) // 2 * 2),
        ).fetchall()
        if len(rows) < 2:
            self._to_thin = 0
            return
        pairs = list(zip(rows[::2], rows[1::2], strict=False))
        joined = [(_joined(early[1], late[1]), late[0]) for early, late in pairs]
        db.executemany('DELETE FROM history WHERE number = ?', [(early[0],) for early, _ in pairs])
        db.executemany('UPDATE history SET item = ? WHERE number = ?', joined)
        before = self._bytes
        self._stored -= len(pairs)
        self.dropped += len(pairs)
        self._bytes += sum(len(text) for text, _ in joined) - len(pairs) * OVERHEAD
        self._bytes -= sum(len(early[1]) + len(late[1]) for early, late in pairs)
        self._freed += before - self._bytes
        self._thinned = rows[-1][0]
        self._to_thin -= len(rows)
        # Keys that have nothing in common join into nothing smaller: then the oldest go.
        if self._to_thin <= 1 and self._freed < self._max_bytes / 16:
            [(number,)] = db.execute(
                'SELECT max(number) FROM (SELECT number FROM history WHERE lane = ? '
                'ORDER BY number LIMIT ?)',
                (self._lane, max(self._stored // 4, 1)),
            )
            self._remove(db, 'number <= ?', number, dropped=True)


def _steady() -> float:
    """Return the time since the machine's start, s, also while it sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def oldest(queue: Queue, max_bytes: int) -> tuple[int, list[Record]]:
    """Ask a queue for its oldest records, from a loop."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[int, list[Record]]] = loop.create_future()

    def on_found(number: int, records: list[Record]) -> None:
        if not found.done():
            found.set_result((number, records))

    queue.ask_oldest(
        max_bytes,
        lambda number, records: loop.call_soon_threadsafe(on_found, number, records),
    )
    return await found


def _joined(early: str, late: str) -> str:
    return dumps({**_values(early), **_values(late)})


def _values(text: str) -> dict[str, Any]:
    """Values of a sample, none if the disk damaged it."""
    try:
        values = read_own(text)
    except (TypeError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
