# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write to state.sqlite in a thread of its own, so that nobody else ever waits for a disk.

What is to be written waits with its *part* of the file, in memory and joined by key, so it is
bounded as the part is. A cycle takes all that waits at that moment, of all parts together, and
commits it as one transaction. Each cycle has a number: `mark` gives that of the cycle which
writes what was put so far, and `when_on_record` says when it is committed. Where the disk fails,
the parts go on in memory; they write all they have once it works again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
import sqlite3
import threading
import time
from typing import Any, Protocol

from .database import Findings, is_corrupt, open_database, read_copy
from .disk_sync import DiskSync

Job = Callable[[sqlite3.Connection], Any]

# Whoever waits for the disk waits no longer: then it is said to hang, and no one waits, s.
HANGS_AFTER = 0.5
# From when on a disk that hangs is reported, s: a large file may take a while to be read.
_REPORTED_AFTER = 2.0
# How often a disk that failed is tried again, s.
RETRY_PERIOD = 5.0
# How many questions may wait for a disk that hangs; each is one of a link's connections.
_MAX_ASKED = 100

REMEDY = (
    'make room on the disk, or set state_dir to a directory that can be written; until then what '
    'must survive a restart is kept in memory only'
)


class Part(Protocol):
    """What one subject keeps in the file; called in the writer's thread but for `collect`."""

    def load(self, db: sqlite3.Connection) -> None:
        """Read what an earlier run left, once."""

    def restore(self, db: sqlite3.Connection) -> None:
        """Write all there is in memory to a file that works again, or was begun anew."""

    def collect(self) -> Job | None:
        """Hand over what waits, under the writer's lock; None if nothing does."""

    def settle(self, written: bool) -> None:
        """Take whether what was collected is on record."""


class Writer:
    """The one thread that opens, reads and writes the file."""

    def __init__(
        self,
        prepare: Callable[[], Path],
        opened: Callable[[sqlite3.Connection, Findings], object],
        report: Callable[[str], object],
        *,
        durable: bool = True,
        before_write: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Start the thread.

        `prepare` returns the path once the directory is there, `opened` takes the file when it is
        open for the first time and adds to what was found, `report` takes trouble in words; all
        are called in the thread. With `durable`, what is written also survives a power cut.
        `before_write` is called before the disk is touched: a test makes a disk hang with it.
        """
        self._prepare = prepare
        self._first_opened: Callable[[sqlite3.Connection, Findings], object] | None = opened
        self._report = report
        self._durable = durable
        self._before_write = before_write
        self.lock = threading.Lock()  # Held for a few instructions, never over I/O.
        self._wake = threading.Condition(self.lock)
        self._parts: list[Part] = []
        self._new: list[tuple[Part, Callable[[], object]]] = []
        self._unread: list[Part] = []
        self._asked: deque[tuple[Job, Callable[[Any], object]]] = deque()
        self._waiting: list[tuple[int, Callable[[], object]]] = []
        self._scheduled = False
        self._closing = False
        self._taken = 0
        self._done = 0
        self._db: sqlite3.Connection | None = None
        # Of a file that can be read but not written.
        self._copy: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._retry_at = 0.0
        self._replaced_at = -RETRY_PERIOD
        self._reported: set[str] = set()
        self._busy_since: float | None = None
        self._failure = ''
        self._sync = DiskSync(self._sync_failed)
        self._opened = threading.Event()
        self._closed = threading.Event()
        self.findings = Findings(existed=False)
        self.failed_start: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='state', daemon=True)
        self._thread.start()

    # --- any thread; nothing here blocks but what has a timeout ---

    def wait_opened(self, timeout: float) -> bool:
        """Wait until the file was opened, or could not be; False if the disk does not answer."""
        return self._opened.wait(timeout)

    def add(self, part: Part, loaded: Callable[[], object]) -> None:
        """Add a part; `loaded` is called when it was read, or cannot be for now."""
        with self.lock:
            self._new.append((part, loaded))
            self._wake.notify()

    def schedule(self) -> int:
        """Write soon, and return the mark of that; to be called under the lock."""
        if not self._scheduled:
            self._scheduled = True
            self._wake.notify()
        return self._taken + 1

    def ask(self, job: Job, answer: Callable[[Any], object]) -> None:
        """Run a job in the thread and give its result to `answer`; None if the disk failed."""
        dropped = None
        with self.lock:
            if len(self._asked) >= _MAX_ASKED:
                dropped = self._asked.popleft()[1]
            self._asked.append((job, answer))
            self.schedule()
        if dropped is not None:
            _call(lambda: dropped(None))

    def mark(self) -> int:
        """Return the number of the cycle that writes what was put so far."""
        with self.lock:
            return self._taken + self._scheduled

    def passed(self, mark: int) -> bool:
        """Return whether a cycle is committed, or waiting for that is of no use."""
        return mark <= self._done or bool(self._failure) or self.hangs

    def when_on_record(self, mark: int, then: Callable[[], object]) -> bool:
        """
        Return whether a cycle is committed; if not yet, call `then` once it is.

        True as well where waiting is of no use: the disk failed, or hangs.
        """
        with self.lock:
            if self.passed(mark):
                return True
            self._waiting.append((mark, then))
        return False

    @property
    def hangs(self) -> bool:
        """Whether the disk has not answered for a while."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > HANGS_AFTER

    @property
    def failure(self) -> str:
        """Why the disk does not serve, empty if it does."""
        since = self._busy_since
        if since is not None and (busy := time.monotonic() - since) > _REPORTED_AFTER:
            return f'the disk has not answered for {busy:.0f} s'
        return self._failure or self._sync.problem

    def close(self, timeout: float) -> bool:
        """Write what waits and close the file; False if that takes longer, and goes on alone."""
        with self.lock:
            self._closing = True
            self._wake.notify()
        return self._closed.wait(timeout)

    # --- the writer's thread ---

    def _run(self) -> None:
        try:
            self._busy_since = time.monotonic()
            self._guard(lambda: self._open(first=True))
            self._busy_since = None
            self._opened.set()
            while self.failed_start is None and self._cycle():
                pass
        finally:
            self._opened.set()
            self._release()
            self._sync.close()
            self._closed.set()

    def _cycle(self) -> bool:
        """Wait until there is something to do, and do it; False after the last time."""
        with self.lock:
            self._wait()
            closing = self._closing
        self._busy_since = time.monotonic()
        try:
            if self._db is None and (closing or self._busy_since >= self._retry_at):
                self._guard(lambda: self._open(first=False))
            self._load_parts()
            self._commit()
        except Exception as error:  # The thread stays, whatever a part does.
            self._report_once(f'not written: {error!r}')
        self._busy_since = None
        return not closing

    def _wait(self) -> None:
        while not (self._scheduled or self._closing or self._new):
            retry = None
            if self._db is None:
                retry = self._retry_at - time.monotonic()
                if retry <= 0:
                    return
            self._wake.wait(retry)

    def _commit(self) -> None:
        with self.lock:
            self._scheduled = False
            self._taken += 1
            number = self._taken
            jobs = [(part, job) for part in self._parts if (job := part.collect()) is not None]
            asked = list(self._asked)
            self._asked.clear()
        # One transaction of all parts: a disk takes as long for the commit of one record as for
        # that of a thousand, and whoever waits for one of them waits once.
        written = not jobs or self._guard(
            lambda: self._transaction(lambda db: [job(db) for _, job in jobs])
        )
        for part, _ in jobs:
            part.settle(written)
        with self.lock:
            self._done = number
            ready = [then for mark, then in self._waiting if mark <= number]
            self._waiting = [one for one in self._waiting if one[0] > number]
        for then in ready:
            _call(then)
        if jobs and written and self._durable and self._path is not None:
            self._sync.request(self._path)
        for job, answer in asked:
            self._answer(job, answer)

    def _answer(self, job: Job, answer: Callable[[Any], object]) -> None:
        result = None

        def work() -> None:
            nonlocal result
            result = self._transaction(job)

        self._guard(work)
        _call(lambda: answer(result))

    def _guard(self, work: Callable[[], object]) -> bool:
        """Do something with the disk; whether it went well."""
        try:
            work()
        except NotOpen:
            return False
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return False
        except Exception as error:
            self._report_once(f'not written: {error!r}')
            return False
        return True

    def _transaction(self, job: Job) -> Any:
        self._before_write()
        if self._db is None:
            raise NotOpen
        self._db.execute('BEGIN IMMEDIATE')
        try:
            result = job(self._db)
            self._db.execute('COMMIT')
        except BaseException:
            if self._db.in_transaction:
                self._db.execute('ROLLBACK')
            raise
        return result

    def _open(self, *, first: bool) -> None:
        """Open the file, and write to it what is in memory."""
        try:
            self._before_write()
            self._path = self._prepare()
            self._db, findings = open_database(self._path)
            if self._first_opened is not None:
                self._first_opened(self._db, findings)
                self._first_opened = None
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            if first and self._path is not None:
                self._copy = read_copy(self._path)
            return
        except Exception as error:
            if not first:
                raise
            self.failed_start = error
            return
        for text in (*findings.damage, *findings.lost):
            self._report(text)
        if first:
            self.findings = findings
        self._transaction(self._restore)
        if self._failure:
            self._failure = ''
            self._report(f'{self._path} keeps again what must survive a restart')
        self._copy = None

    def _restore(self, db: sqlite3.Connection) -> None:
        for part in self._parts:
            part.restore(db)

    def _load_parts(self) -> None:
        """Read for parts what an earlier run left, if it can be read."""
        with self.lock:
            new, self._new = self._new, []
            self._unread += [part for part, _ in new]
        for part in list(self._unread):
            if self._load(part):
                with self.lock:
                    self._unread.remove(part)
                    self._parts.append(part)
        for _, loaded in new:
            _call(loaded)

    def _load(self, part: Part) -> bool:
        if self._db is not None:
            return self._guard(lambda: self._transaction(part.load))
        if self._copy is None:
            return False
        part.load(self._copy)
        return True

    def _fail(self, error: Exception) -> None:
        """Leave a disk that failed; a corrupt file is replaced at once."""
        again = self._db is not None and is_corrupt(error)
        self._release()
        now = time.monotonic()
        if again and now - self._replaced_at > RETRY_PERIOD:
            self._replaced_at = now
            self._guard(lambda: self._open(first=False))
            return
        text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        where = getattr(error, 'filename', None) or self._path or 'the state directory'
        text = f'{where}: {text}; {REMEDY}'
        if not self._failure:
            self._report(text)
        self._failure = text
        self._retry_at = now + RETRY_PERIOD

    def _release(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            try:
                db.close()
            except sqlite3.Error:
                pass

    def _report_once(self, text: str) -> None:
        if text not in self._reported:
            self._reported = {*list(self._reported)[-99:], text}
            self._report(text)

    def _sync_failed(self, error: OSError) -> None:
        self._report_once(f'{self._path}: {error.strerror or error}')


class NotOpen(OSError):
    """The file cannot be used for now; it was reported."""


def _call(call: Callable[[], object]) -> None:
    """Call what others gave: a loop that has ended, for one, takes no calls any more."""
    try:
        call()
    except Exception:
        pass
