# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What must survive a restart of the bridge: one directory, one database, one writer.

Whoever keeps something asks for its table here. The bridge goes on where the disk does not, with
all of it in memory: it is said once, in the log, and in /diagnostics for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Callable
import errno
import fcntl
import os
from pathlib import Path
import re
import sqlite3
import time

from ..errors import NotNow
from .database import FILE_NAME, Findings
from .files import DamagedFile, open_private, set_aside
from .legacy import has_old_files, take_over, Taken
from .motion_lock import MotionLockRecord
from .table import Table
from .writer import Writer

# A start waits no longer than this for the disk; what is read later is used later, or at the next.
START_TIMEOUT = 5.0
_CLOSE_TIMEOUT = 2.0


class StateInUse(NotNow):
    """Another bridge uses the directory; says what to do."""


class State:
    """All that one bridge keeps; with `path` None nothing outlives the process."""

    def __init__(
        self,
        path: Path | None,
        complain: Callable[[str], object],
        *,
        durable: bool = True,
        timeout: float = START_TIMEOUT,
        before_write: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Take the directory, only for this user, and read what an earlier run left.

        `complain` is called in the writer's thread. With `durable`, what is written survives a
        power cut, else the death of the process only.

        :raises StateInUse: if another bridge has it.
        """
        self.path = path or Path()
        self._complain = complain
        self._directory_lock: int | None = None
        self._used_before = False
        # Whether there may be a file of an earlier run; until the disk answers there may.
        self._may_exist = True
        self._patience = time.monotonic() + timeout
        self.writer: Writer | None = None
        if path is not None:
            self.writer = Writer(
                self._take_directory,
                self._first_opened,
                complain,
                durable=durable,
                before_write=before_write,
            )
            self.writer.wait_opened(timeout)
            if self.writer.failed_start is not None:
                raise self.writer.failed_start
        self.motion_lock = self._read_motion_lock()

    @property
    def problem(self) -> str:
        """Why it does not keep what it should, empty if it does; from any thread."""
        return self.writer.failure if self.writer is not None else ''

    @property
    def damage(self) -> list[str]:
        """What the start found damaged, and where it was set aside."""
        if self.writer is None:
            return []
        return [*self.writer.findings.damage, *self.writer.findings.lost]

    def table(self, name: str, *, max_entries: int, max_bytes: int, evicts: bool = False) -> Table:
        """Give one of the tables of schema.KEYED, with what an earlier run left."""
        table = Table(
            self.writer,
            name,
            max_entries=max_entries,
            max_bytes=max_bytes,
            evicts=evicts,
            timeout=max(self._patience - time.monotonic(), 0.0),
        )
        if table.damaged:
            self._complain(f'{self.path / FILE_NAME}: {table.damaged} damaged {name} are lost')
        return table

    def close(self, timeout: float = _CLOSE_TIMEOUT) -> None:
        """Write what waits, but wait no longer for a disk that hangs, and leave the directory."""
        if self.writer is None or self.writer.close(timeout):
            self._leave_directory()

    def _read_motion_lock(self) -> MotionLockRecord:
        table = self.table('motion_lock', max_entries=1, max_bytes=1000)
        damage, first_start = '', True
        if self.writer is not None:
            if table.loaded:
                findings = self.writer.findings
                damage = '; '.join(filter(None, (*findings.damage, findings.lock_damage)))
                first_start = not findings.existed
            elif self._may_exist:
                why = self.problem or 'the disk does not answer'
                damage = f'{self.path / FILE_NAME} cannot be read: {why}'
        return MotionLockRecord(table, damage, first_start)

    # --- the writer's thread ---

    def _take_directory(self) -> Path:
        """Make the directory and lock it."""
        if self._directory_lock is None:
            self._may_exist = _may_exist(self.path / FILE_NAME)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._directory_lock is None:
            path = self.path / 'lock'
            self._used_before = os.path.lexists(path)
            try:
                lock = open_private(path, os.O_RDWR | os.O_CREAT)
            except (DamagedFile, PermissionError) as error:
                self._complain(f'{error}; it was set aside as {set_aside(path)}')
                lock = open_private(path, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise StateInUse(
                    f'{self.path} is in use by another bridge; give each its own robot_id or '
                    'state_dir'
                ) from None
            except OSError as error:  # A file system without locks: then there is none.
                self._complain(f'{path}: {error.strerror}; no second bridge can be kept out')
            self._directory_lock = lock
        return self.path / FILE_NAME

    def _first_opened(self, db: sqlite3.Connection, findings: Findings) -> None:
        if has_old_files(self.path):
            try:
                taken = take_over(self.path, db)
            except sqlite3.Error:
                raise
            except Exception as error:  # Whatever stands in them.
                taken = Taken([f'the files of 0.1.0: {error!r}'], f'they are damaged: {error!r}')
            findings.lost += taken.lost
            findings.lock_damage = taken.lock_damage
        elif not findings.existed and self._used_before and not findings.damage:
            findings.damage.append(
                f'{self.path / FILE_NAME} is missing, though a bridge has used {self.path}'
            )

    def _leave_directory(self) -> None:
        if self._directory_lock is not None:
            os.close(self._directory_lock)
            self._directory_lock = None


def state_path(configured: str | None, robot_id: str) -> Path:
    """Return the configured directory, or one named for the robot in $ROS_HOME or ~/.ros."""
    if configured:
        return Path(configured).expanduser()
    ros_home = Path(os.environ.get('ROS_HOME') or '~/.ros').expanduser()
    return ros_home / 'xparo_bridge' / (re.sub(r'[^\w.-]', '_', robot_id).strip('.') or 'robot')


def _may_exist(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno != errno.ELOOP
    return True
