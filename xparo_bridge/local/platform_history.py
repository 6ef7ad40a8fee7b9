# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What the local platform keeps on disk, so that a restart loses nothing: one SQLite file.

All that happened is a record: its kind, robot, time (Unix s), name and data.

| kind | name | data |
|---|---|---|
| telemetry | | values by key; one of over LARGEST characters is {omitted: characters} |
| order | command_id | command, parameters, operator |
| status | command_id | as the robot reported it |
| chat | | from, text, operator |
| tree | tree_name | xml, operator |
| tree_report | run_id | as the robot reported it |
| link | | event (connected, disconnected), code, reason |
| error | | problem |
| log | | level, text |
| audit | | person, role, verb, what |

One thread writes, a few times a second; whoever adds a record waits for nothing. What is older
than `keep_days` goes, and the oldest telemetry first when the file is larger than `keep_bytes`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
import sqlite3
import threading
import time
from typing import Any

from ..json_reader import read_own

LARGEST = 4_096  # characters of one telemetry value; a map has its latest kept, not each
KINDS = (
    'telemetry',
    'order',
    'status',
    'chat',
    'tree',
    'tree_report',
    'link',
    'error',
    'log',
    'audit',
)
MOST_ROWS = 10_000  # of one answer
_PERIOD = 0.2  # s between two writes
_RETENTION_PERIOD = 60.0  # s
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, robot TEXT NOT NULL, time REAL NOT NULL,
    name TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_time ON records (kind, robot, time);
CREATE INDEX IF NOT EXISTS by_name ON records (kind, name) WHERE name != '';
CREATE TABLE IF NOT EXISTS robots (robot TEXT PRIMARY KEY, seen REAL NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, token TEXT NOT NULL, since REAL NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""

Row = tuple[str, str, float, str, str]
Record = dict[str, Any]


class History:
    """
    The file in a folder; without one it is in memory, and gone with the process.

    :raises OSError: if the folder cannot be written, or another platform uses it.
    """

    def __init__(
        self, folder: Path | None = None, *, keep_days: float = 30.0, keep_bytes: float = 2e9
    ) -> None:
        self._keep = (keep_days * 86400.0, int(keep_bytes))
        name = ':memory:'
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            name = str(folder / 'platform.sqlite')
        try:
            self._database = sqlite3.connect(name, check_same_thread=False, timeout=1.0)
            if folder is not None:
                Path(name).chmod(0o600)
            # The platform is alone with its file; the lock also says so to a second one.
            self._database.executescript(
                'PRAGMA auto_vacuum = INCREMENTAL; PRAGMA locking_mode = EXCLUSIVE;'
                'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;' + _SCHEMA
            )
            self._database.execute('BEGIN IMMEDIATE')
            self._database.commit()
        except sqlite3.Error as error:
            raise OSError(f'{name}: {error}') from error
        self._lock = threading.Lock()  # Of the connection, which the writer and readers share.
        # Appended to and taken from by two threads, each time by one atomic call.
        self._waiting: deque[Row] = deque()
        self._robots: dict[str, tuple[str, float, str]] = {}
        self._seq = 0
        self._news = threading.Event()
        self._ending = False
        self.problem = ''
        self._thread = threading.Thread(target=self._write_on, name='history', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits and close the file."""
        if self._ending:
            return
        self._ending = True
        self._news.set()
        self._thread.join(10.0)
        with self._lock:
            self._database.close()

    # --- what is kept; these wait for nothing ---

    def add(
        self,
        kind: str,
        robot: str,
        data: Mapping[str, Any],
        name: str = '',
        at: float | None = None,
    ) -> None:
        """Keep a record."""
        if kind == 'telemetry':
            data = _without_large(data)
        moment = time.time() if at is None else at
        self._waiting.append((kind, robot, moment, name, json.dumps(data)))
        self._news.set()

    def save_robot(self, robot: str, data: Mapping[str, Any]) -> None:
        """Keep the present state of a robot in place of the earlier one."""
        self._robots[robot] = (robot, time.time(), json.dumps(data))
        self._news.set()

    def save_seq(self, seq: int) -> None:
        """Keep the number of the latest event."""
        self._seq = seq

    # --- what was kept ---

    def robots(self) -> Iterator[tuple[str, float, dict[str, Any]]]:
        """Name, time and state of each robot, the one seen last at the end."""
        for robot, seen, data in self._ask('SELECT robot, seen, data FROM robots ORDER BY seen'):
            yield robot, seen, read_own(data)

    def seq(self) -> int:
        """Return the number kept by save_seq, 0 if none."""
        found = self._ask("SELECT value FROM counters WHERE name = 'seq'")
        return int(found[0][0]) if found else 0

    async def records(
        self,
        kind: str,
        robot: str | None = None,
        *,
        since: float = 0.0,
        until: float = 1e12,
        name: str | None = None,
        after: int | None = None,
        newest: bool = False,
        limit: int = 1000,
    ) -> list[Record]:
        """
        Records {id, robot, time, name, data} by their time; the last `limit` if `newest`.

        With `after` by their id, those behind that one: so one reads all in pieces.
        """
        if kind not in KINDS:
            raise ValueError(f'there is no kind {kind!r}; there are {", ".join(KINDS)}')
        where = ['kind = ?', 'time >= ?', 'time <= ?']
        values: list[Any] = [kind, since, until]
        for column, value in (('robot', robot), ('name', name)):
            if value is not None:
                where.append(f'{column} = ?')
                values.append(value)
        order = 'time, id'
        if after is not None:
            where.append('id > ?')
            values.append(after)
            order = 'id'
        elif newest:
            order = 'time DESC, id DESC'
        await self.flush()
        rows = await asyncio.to_thread(
            self._ask,
            f'SELECT id, robot, time, name, data FROM records WHERE {" AND ".join(where)} '
            f'ORDER BY {order} LIMIT ?',
            (*values, max(1, min(limit, MOST_ROWS))),
        )
        if newest and after is None:
            rows.reverse()
        keys = ('id', 'robot', 'time', 'name')
        return [
            {**dict(zip(keys, row[:4], strict=True)), 'data': read_own(row[4])} for row in rows
        ]

    async def series(
        self, robot: str, keys: Sequence[str], since: float, until: float, points: int = 2000
    ) -> dict[str, list[tuple[float, Any]]]:
        """
        Values of telemetry over time by their dotted keys, [time, value] by time.

        Of more than `points` messages every n-th is taken.
        """
        await self.flush()
        return await asyncio.to_thread(self._series, robot, keys, since, until, points)

    async def flush(self) -> None:
        """Wait until all that was added is in the file."""
        if self._waiting or self._robots:
            await asyncio.to_thread(self._write)

    # --- people: few and rare, so written at once ---

    def people(self) -> list[tuple[str, str, str, float]]:
        """Name, role, token's hash and since when."""
        return self._ask('SELECT name, role, token, since FROM people ORDER BY name')

    def set_person(self, name: str, role: str, token: str) -> None:
        """Add a person or replace one; an empty role removes."""
        with self._lock, self._database:
            self._database.execute('DELETE FROM people WHERE name = ?', (name,))
            if role:
                self._database.execute(
                    'INSERT INTO people VALUES (?, ?, ?, ?)', (name, role, token, time.time())
                )

    # --- the connection ---

    def _ask(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def _series(
        self, robot: str, keys: Sequence[str], since: float, until: float, points: int
    ) -> dict[str, list[tuple[float, Any]]]:
        where = "kind = 'telemetry' AND robot = ? AND time >= ? AND time <= ?"
        values = (robot, since, until)
        count = self._ask(f'SELECT count(*) FROM records WHERE {where}', values)[0][0]
        step = max(1, count // max(points, 1))
        found: dict[str, list[tuple[float, Any]]] = {key: [] for key in keys}
        rows = self._ask(
            'SELECT time, data FROM (SELECT time, data, row_number() OVER (ORDER BY time) AS n '
            f'FROM records WHERE {where}) WHERE n % ? = 0',
            (*values, step),
        )
        for moment, text in rows:
            data = read_own(text)
            for key in keys:
                value = at_path(data, key)
                if value is not None:
                    found[key].append((moment, value))
        return found

    def _write_on(self) -> None:
        clean_at = time.monotonic()
        while not self._ending:
            self._news.wait(_RETENTION_PERIOD)
            self._news.clear()
            self._write()
            if time.monotonic() >= clean_at:
                clean_at = time.monotonic() + _RETENTION_PERIOD
                self._forget_old()
            if not self._ending:
                time.sleep(_PERIOD)
        self._write()

    def _write(self) -> None:
        with self._lock:
            rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
            robots = [self._robots.popitem()[1] for _ in range(len(self._robots))]
            if not rows and not robots:
                return  # Nothing was tried, so a problem of before is still one.
            try:
                with self._database:
                    self._database.executemany(
                        'INSERT INTO records (kind, robot, time, name, data) '
                        'VALUES (?, ?, ?, ?, ?)',
                        rows,
                    )
                    self._database.executemany(
                        'INSERT OR REPLACE INTO robots VALUES (?, ?, ?)', robots
                    )
                    self._database.execute(
                        "INSERT OR REPLACE INTO counters VALUES ('seq', ?)", (self._seq,)
                    )
                self.problem = ''
            except sqlite3.Error as error:  # A full disk: the platform serves on without it.
                self._say(str(error))

    def _forget_old(self) -> None:
        age, most = self._keep
        try:
            with self._lock, self._database:
                self._database.execute('DELETE FROM records WHERE time < ?', (time.time() - age,))
            for kinds in ("kind = 'telemetry'", '1'):
                while self._size() > most and self._forget_some(kinds):
                    pass
            with self._lock:
                self._database.executescript('PRAGMA incremental_vacuum')
        except sqlite3.Error as error:
            self._say(str(error))

    def _forget_some(self, where: str) -> int:
        """Forget the oldest twentieth; how many that were."""
        with self._lock, self._database:
            count = self._database.execute(
                f'SELECT count(*) FROM records WHERE {where}'
            ).fetchone()
            return self._database.execute(
                f'DELETE FROM records WHERE id IN (SELECT id FROM records WHERE {where} '
                'ORDER BY id LIMIT ?)',
                (count[0] // 20 + 1,),
            ).rowcount

    def _size(self) -> int:
        with self._lock:
            one = {
                name: self._database.execute(f'PRAGMA {name}').fetchone()[0]
                for name in ('page_count', 'freelist_count', 'page_size')
            }
        return int((one['page_count'] - one['freelist_count']) * one['page_size'])

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            print(f'history: not written: {problem}', flush=True)


def at_path(data: Any, key: str) -> Any:
    """Value under a dotted key of nested objects, None if there is none."""
    if isinstance(data, dict) and key in data:
        return data[key]
    for part in key.split('.'):
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _without_large(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in data.items():
        if isinstance(value, (str, dict, list)):
            size = len(value) if isinstance(value, str) else len(json.dumps(value))
            if size > LARGEST:
                value = {'omitted': size}
        kept[key] = value
    return kept
