# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How does a link keep things on disk without ever waiting for the disk.

One SQLite file, one thread that touches it. A disk that is full, read-only, broken or in use by
another bridge is told once and tried again now and then; until then the same work goes on in
memory. A corrupt file is set aside and begun anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
import contextlib
import os
from pathlib import Path
import sqlite3
import time
from typing import Any, Protocol, TypeVar

# How often a disk that failed is tried again, s.
RETRY_PERIOD = 10.0
# Errors of the disk or of others who use it; every other one is the file's own.
_DISK_ERRORS = (
    'SQLITE_BUSY',
    'SQLITE_CANTOPEN',
    'SQLITE_FULL',
    'SQLITE_IOERR',
    'SQLITE_LOCKED',
    'SQLITE_NOLFS',
    'SQLITE_NOMEM',
    'SQLITE_PERM',
    'SQLITE_PROTOCOL',
    'SQLITE_READONLY',
)
# What each level survives: `full` a power cut, `normal` a killed process (after a power cut the
# last seconds may be missing, the rest is whole).
SYNCHRONOUS = {'full': 'FULL', 'normal': 'NORMAL'}

Result = TypeVar('Result')


class Table(Protocol):
    """A part of the file; all of it is called in the store's thread."""

    schema: str

    def restore(self, new: sqlite3.Connection, old: sqlite3.Connection | None) -> None:
        """Write to a file that works (again) what must be in it; `old` is what served so far."""

    def salvage(self, db: sqlite3.Connection) -> None:
        """Take from a corrupt file what can still be read."""


class Store:
    """A SQLite file and its thread; `path` None keeps everything in memory."""

    def __init__(self, path: Path | None, durability: str, tell: Callable[[str], None]) -> None:
        """`tell` is told of trouble, and that it is over, in the store's thread."""
        self._path = path
        self._synchronous = SYNCHRONOUS[durability]
        self._tell = tell
        self._tables: list[Table] = []
        self._db: sqlite3.Connection | None = None
        self._on_disk = False
        self._retry_at = 0.0
        self._thread = ThreadPoolExecutor(1, f'store-{path.stem}' if path else 'store')
        # Why the disk does not serve, empty if it does; read in any thread.
        self.problem = ''

    @property
    def persistent(self) -> bool:
        """Whether it is meant to outlive the process."""
        return self._path is not None

    def add(self, table: Table) -> None:
        """Give the file another table, before the first `run`."""
        self._tables.append(table)

    def run(self, job: Callable[[sqlite3.Connection], Result]) -> Future[Result | None]:
        """Run a job as one transaction; None if the disk failed under it."""
        return self._thread.submit(self._run, job)

    def close(self, timeout: float = 2.0) -> None:
        """Finish what waits, but wait no longer than `timeout` s for a disk that hangs."""
        try:
            self._thread.submit(self._close).result(timeout)
        except TimeoutError:
            pass
        self._thread.shutdown(wait=False)

    def _run(self, job: Callable[[sqlite3.Connection], Result]) -> Result | None:
        if not self._on_disk and time.monotonic() >= self._retry_at:
            self._open()
        for _ in range(2):
            assert self._db is not None
            try:
                with self._db:
                    return job(self._db)
            except sqlite3.Error as error:
                self._fail(error)
        return None

    def _open(self) -> None:
        """Serve from the disk, or from memory until it is tried again."""
        for _ in range(2):
            try:
                new = self._connect()
            except (sqlite3.Error, OSError) as error:
                if self._path is None or not _corrupt(error):
                    self._to_memory(error)
                    return
                self._set_aside(error)
                continue
            try:
                with new:
                    for table in self._tables:
                        new.executescript(table.schema)
                        table.restore(new, self._db)
            except (sqlite3.Error, OSError) as error:
                new.close()
                if _corrupt(error):
                    self._set_aside(error)
                    continue
                self._to_memory(error)
                return
            self._db, old = new, self._db
            if old is not None:
                old.close()
            self._on_disk = True
            if self.problem:
                self._tell(f'{self._path} works again')
            self.problem = ''
            return

    def _connect(self) -> sqlite3.Connection:
        if self._path is None:
            return sqlite3.connect(':memory:')
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=0.5)
        try:
            # A text that was damaged on the disk must not make the others unreadable.
            db.text_factory = _lenient
            # Exclusive: a second bridge with the same files would send the messages of the first.
            db.execute('PRAGMA locking_mode = EXCLUSIVE')
            db.execute('PRAGMA journal_mode = WAL')
            db.execute(f'PRAGMA synchronous = {self._synchronous}')
            [(verdict,), *_] = db.execute('PRAGMA quick_check(1)')
            if verdict != 'ok':
                raise CorruptError(verdict)
        except BaseException:
            db.close()
            raise
        return db

    def _fail(self, error: Exception) -> None:
        """Leave a disk that failed; a corrupt file is replaced at once."""
        if _corrupt(error) and self._path is not None and self._on_disk:
            assert self._db is not None
            self._db.close()
            self._db = None
            self._on_disk = False
            self._set_aside(error)
            self._open()
        else:
            self._to_memory(error)

    def _to_memory(self, error: Exception) -> None:
        problem = f'{self._path} cannot be used: {error}; what waits is kept in memory only'
        if problem != self.problem:
            self._tell(problem)
        self.problem = problem
        self._retry_at = time.monotonic() + RETRY_PERIOD
        if self._db is None or self._on_disk:
            memory = sqlite3.connect(':memory:')
            for table in self._tables:
                memory.executescript(table.schema)
            if self._db is not None:
                try:
                    self._db.close()
                except sqlite3.Error:
                    pass
            self._db = memory
        self._on_disk = False

    def _set_aside(self, error: Exception) -> None:
        assert self._path is not None
        aside = self._path.with_suffix('.corrupt')
        for suffix in ('', '-wal', '-shm'):
            part = Path(f'{self._path}{suffix}')
            try:
                part.replace(f'{aside}{suffix}')
            except FileNotFoundError:
                pass
            except OSError:
                part.unlink(missing_ok=True)
        try:
            with contextlib.closing(sqlite3.connect(aside)) as db:
                db.execute('PRAGMA locking_mode = EXCLUSIVE')
                db.text_factory = _lenient
                # Else SQLite reads nothing of a file that was cut off.
                db.execute('PRAGMA writable_schema = ON')
                for table in self._tables:
                    table.salvage(db)
        except sqlite3.Error:
            pass
        self._tell(f'{self._path} is corrupt ({error}); it was set aside as {aside}')

    def _close(self) -> None:
        if self._db is not None:
            try:
                self._db.close()
            except sqlite3.Error:
                pass
            self._db = None


class CorruptError(sqlite3.DatabaseError):
    """SQLite's own check of the file found something."""


def _corrupt(error: Exception) -> bool:
    name = getattr(error, 'sqlite_errorname', '') or ''
    return isinstance(error, sqlite3.Error) and not name.startswith(_DISK_ERRORS)


def _lenient(data: bytes) -> str:
    return data.decode(errors='replace')


def readable(rows: Iterator[Any]) -> Iterator[Any]:
    """Rows of a query as far as the file can be read."""
    with contextlib.suppress(sqlite3.Error):
        yield from rows
