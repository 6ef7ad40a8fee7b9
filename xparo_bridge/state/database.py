# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Open state.sqlite whatever became of it: check it, set it aside if damaged, save what can be read.

For one thread: the writer's, or that of the tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import contextlib
from dataclasses import dataclass, field
import os
from pathlib import Path
import shutil
import sqlite3
import struct
import tempfile
from typing import Any

from .files import make_accessible, problem_with, set_aside
from .schema import COLUMNS, is_whole, MIGRATIONS, SCHEMA, storable, VERSION

FILE_NAME = 'state.sqlite'
# Errors of the disk or of others who use the file; every other one is the file's own.
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
# What can be read of a damaged file larger than this is not looked for, bytes.
_MAX_SALVAGE = 512 * 1024 * 1024
# The log beside the file: header and frame header in bytes, and how they begin.
_WAL_HEADER, _FRAME_HEADER = 32, 24
_WAL_MAGIC = (0x377F0682, 0x377F0683)


class CorruptError(sqlite3.DatabaseError):
    """A check of the file found something."""


@dataclass
class Findings:
    """
    What was found when the file was opened.

    `damage` says what of it was lost, and where it is; `lost` what else was. `lock_damage` says
    why the motion lock is not known, where the damage does not say it.
    """

    existed: bool = True
    damage: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    lock_damage: str = ''


def is_corrupt(error: Exception) -> bool:
    """Return whether an error is the file's own fault, not the disk's."""
    name = getattr(error, 'sqlite_errorname', '') or ''
    return isinstance(error, sqlite3.DatabaseError) and not name.startswith(_DISK_ERRORS)


def open_database(path: Path) -> tuple[sqlite3.Connection, Findings]:
    """
    Open the file or make it; one that is damaged is set aside and begun anew with what is left.

    :raises sqlite3.Error: where the disk does not serve, or another process has the file open.
    :raises OSError: likewise.
    """
    findings = Findings(existed=os.path.lexists(path))
    aside = _set_aside_unusable(path, findings)
    if aside is None:
        log_end = _log_end(path, findings)
        try:
            db = connect(path)
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise
            aside = _set_aside_all(path)
            findings.damage.append(f'{path} is damaged ({error}); it was set aside as {aside}')
        else:
            if log_end and log_end > _log_frames(db):
                findings.damage.append(f'{path}-wal is damaged: the newest records are lost')
            return db, findings
    db = connect(path)
    if (
        not problem_with(aside)
        and not aside.samefile(path)  # A link may lead to the file that was just begun.
        and aside.stat().st_size <= _MAX_SALVAGE
    ):
        count = _copy(_readable(aside), db)
        findings.damage[-1] += f'; {count} records of it could be read'
    return db, findings


def connect(path: Path) -> sqlite3.Connection:
    """
    Open a file that is there or make it, and check it.

    :raises CorruptError: if a check finds something.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = not path.exists()
    if fresh:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
    try:
        # A text that was damaged on the disk must not make the others unreadable.
        db.text_factory = _lenient
        # Exclusive: nobody else is to change it, and without memory shared with others a disk that
        # fails gives an error instead of the signal SIGBUS.
        db.execute('PRAGMA locking_mode = EXCLUSIVE')
        db.execute('PRAGMA journal_mode = WAL')
        # A commit is handed to the operating system; `sync_log` brings it to the disk.
        db.execute('PRAGMA synchronous = NORMAL')
        db.execute('PRAGMA journal_size_limit = 4194304')
        if fresh:
            db.executescript(f'BEGIN; {SCHEMA} COMMIT;')
        check(db)
    except BaseException as error:
        db.close()
        if fresh:
            with contextlib.suppress(OSError):
                path.unlink()
        if isinstance(error, UnicodeDecodeError):
            # SQLite quotes what it found in the damaged file, which need not be text.
            raise CorruptError(f'a text of it is no UTF-8: {error}') from error
        raise
    return db


def check(db: sqlite3.Connection) -> None:
    """
    Check pages and schema, and bring the schema up to date.

    :raises CorruptError: if there is something wrong.
    """
    [(verdict,), *_] = db.execute('PRAGMA quick_check(1)')
    if verdict != 'ok':
        raise CorruptError(verdict)
    [(version,)] = db.execute('PRAGMA user_version')
    if not 1 <= version <= VERSION:
        raise CorruptError(f'expected a file of version 1 to {VERSION}, not {version}')
    for old in range(version, VERSION):
        db.executescript(f'BEGIN; {MIGRATIONS[old]}; PRAGMA user_version = {old + 1}; COMMIT;')
    for table, columns in COLUMNS.items():
        found = tuple(row[1] for row in db.execute(f'PRAGMA table_info({table})'))
        if found != columns:
            raise CorruptError(f'table {table} has the columns {found}, expected {columns}')


def read_copy(path: Path) -> sqlite3.Connection | None:
    """
    Open a copy of a file whose disk can be read but not written, None if that cannot be.

    SQLite reads no file with a log unless it may write beside it.
    """
    if problem_with(path) or not path.exists():
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ('', '-wal'):
                if not problem_with(part := Path(f'{path}{suffix}')) and part.exists():
                    shutil.copyfile(part, f'{folder}/{FILE_NAME}{suffix}')
            db = connect(Path(folder) / FILE_NAME)
            db.execute('PRAGMA journal_mode = MEMORY')  # The files are gone in a moment.
            memory = sqlite3.connect(':memory:', isolation_level=None, check_same_thread=False)
            db.backup(memory)
            db.close()
            return memory
    except (OSError, sqlite3.Error, UnicodeDecodeError):
        return None


def damaged_rows(db: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows of each table are not what the bridge wrote."""
    counts = {}
    for table, columns in COLUMNS.items():
        rows = db.execute(f'SELECT {", ".join(columns)} FROM {table}')
        if count := sum(not is_whole(table, row) for row in rows):
            counts[table] = count
    return counts


def delete_damaged_rows(db: sqlite3.Connection) -> None:
    """Delete what `damaged_rows` counts."""
    for table, columns in COLUMNS.items():
        key = ('lane', 'number') if table == 'outbox' else ('rowid',)
        where = ' AND '.join(f'{name} IS ?' for name in key)
        rows = db.execute(f'SELECT {", ".join((*key, *columns))} FROM {table}').fetchall()
        for row in rows:
            if not is_whole(table, row[len(key) :]):
                db.execute(f'DELETE FROM {table} WHERE {where}', row[: len(key)])


def sync_log(path: Path) -> None:
    """
    Bring to the disk what was committed; may take as long as the disk likes.

    No lock of SQLite's is on the file of its log, so that it can be opened and closed beside it.
    """
    try:
        log = os.open(f'{path}-wal', os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(log)
    finally:
        os.close(log)


def _set_aside_unusable(path: Path, findings: Findings) -> Path | None:
    """Set aside what cannot be opened as a file of ours; its new name, None if it can."""
    for part in (Path(f'{path}{suffix}') for suffix in ('-wal', '-shm', '-journal')):
        if problem := problem_with(part) or make_accessible_if_there(part):
            findings.damage.append(f'{part}: {problem}; it was set aside as {set_aside(part)}')
    if not findings.existed:
        return None
    problem = problem_with(path) or make_accessible(path)
    if not problem and not path.stat().st_size:
        problem = 'it is empty'
    if not problem:
        return None
    aside = _set_aside_all(path)
    findings.damage.append(f'{path}: {problem}; it was set aside as {aside}')
    return aside


def make_accessible_if_there(path: Path) -> str:
    """Let this user alone read and write its file, if there is one; return why not."""
    return make_accessible(path) if path.exists() else ''


def _set_aside_all(path: Path) -> Path:
    """Set aside the file and, beside it, its log."""
    aside = set_aside(path)
    for suffix in ('-wal', '-shm', '-journal'):
        part = Path(f'{path}{suffix}')
        if os.path.lexists(part):
            part.replace(f'{aside}{suffix}')
    return aside


def _log_end(path: Path, findings: Findings) -> int:
    """
    Return how many frames the log has up to its last commit, as far as its frames' headers say.

    SQLite itself takes a log that is damaged as one that ended before the damage, without a word.
    """
    log = Path(f'{path}-wal')
    if not findings.existed or not log.exists():
        return 0
    last = 0
    with log.open('rb') as file:
        header = file.read(_WAL_HEADER)
        if not header.strip(b'\0'):
            return 0
        magic, _, page_size = struct.unpack('>3I', header[:12].ljust(12, b'\0'))
        if len(header) < _WAL_HEADER or magic not in _WAL_MAGIC or page_size < 512:
            file.close()
            aside = set_aside(log)
            findings.damage.append(f'{log} is damaged; it was set aside as {aside}')
            return 0
        salts = header[16:24]
        # A frame that was torn off at the end was never committed.
        for number in range((log.stat().st_size - _WAL_HEADER) // (_FRAME_HEADER + page_size)):
            frame = file.read(_FRAME_HEADER)
            if frame[8:16] == salts and frame[4:8] != bytes(4):
                last = number + 1
            file.seek(page_size, os.SEEK_CUR)
    return last


def _log_frames(db: sqlite3.Connection) -> int:
    [(_, frames, _)] = db.execute('PRAGMA wal_checkpoint(PASSIVE)')
    return int(frames)


def _readable(aside: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Tables and whole rows of a damaged file, as far as it can be read."""
    with (
        contextlib.suppress(sqlite3.Error, OSError),
        contextlib.closing(sqlite3.connect(aside, timeout=0.5, isolation_level=None)) as db,
    ):
        db.execute('PRAGMA locking_mode = EXCLUSIVE')
        db.text_factory = _lenient
        # Else SQLite reads nothing of a file that was cut off.
        db.execute('PRAGMA writable_schema = ON')
        for table, columns in COLUMNS.items():
            with contextlib.suppress(sqlite3.Error):
                for row in db.execute(f'SELECT {", ".join(columns)} FROM {table}'):
                    if is_whole(table, row):
                        yield table, row


def _copy(rows: Iterable[tuple[str, tuple[Any, ...]]], db: sqlite3.Connection) -> int:
    count = 0
    db.execute('BEGIN')
    for table, row in rows:
        marks = ', '.join('?' * len(row))
        texts = [storable(value) if isinstance(value, str) else value for value in row]
        count += db.execute(f'INSERT OR IGNORE INTO {table} VALUES ({marks})', texts).rowcount
    db.execute('COMMIT')
    return count


def _lenient(data: bytes) -> str:
    return data.decode(errors='replace')
