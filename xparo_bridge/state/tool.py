# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Show, export, check and repair what a bridge keeps over restarts, while the bridge does not run.

exit codes: 0 all is well, 1 something is damaged, 2 there is no such state, 3 a bridge uses it
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
import contextlib
import fcntl
import json
import os
from pathlib import Path
import shutil
import sqlite3
import sys
import tempfile
from typing import Any

from ..argument_types import Parser
from ..closed_output import ends_with_its_reader
from ..json_reader import read_own
from ..redaction import HIDDEN
from .database import (
    connect,
    damaged_rows,
    delete_damaged_rows,
    FILE_NAME,
    is_corrupt,
    open_database,
)
from .files import DamagedFile, open_private, problem_with
from .motion_lock import LOCKS
from .schema import COLUMNS, is_whole, KEYED
from .state import state_path

SOUND, DAMAGED, MISSING, IN_USE = range(4)
# Columns that hold JSON, which an export shows as such.
_JSON = ('value', 'item', 'message')


class _Problem(Exception):
    """Why nothing can be done, and the exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


@ends_with_its_reader
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; the exit code."""
    parser = Parser(
        prog='state', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar='show | export | check | repair')
    for name, function, text in (
        ('show', _show, 'say how much is kept of what'),
        ('export', _export, 'write all as JSON; credentials are hidden'),
        ('check', _check, 'look for damage, and change nothing'),
        ('repair', _repair, 'set aside what is damaged, and keep what can be read'),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            'directory',
            nargs='?',
            type=Path,
            help='state_dir of the bridge; needed where more than one robot is known here',
        )
        command.set_defaults(run=function)
        if name == 'export':
            command.add_argument('--table', choices=sorted(COLUMNS), help='this table only')
    options = parser.parse_args(arguments)
    try:
        folder = options.directory or _only_directory()
        with _locked(folder):
            run: Callable[[Path, argparse.Namespace], int] = options.run
            return run(folder, options)
    except _Problem as problem:
        print(problem, file=sys.stderr)
        return problem.code
    except BrokenPipeError:
        return SOUND


def _only_directory() -> Path:
    parent = state_path(None, 'robot').parent
    known = sorted(path.parent for path in parent.glob(f'*/{FILE_NAME}'))
    if len(known) == 1:
        return known[0]
    listed = ''.join(f'\n  {path}' for path in known)
    raise _Problem(f'name a directory; known here: {listed or "none"}', MISSING)


@contextlib.contextmanager
def _locked(folder: Path) -> Any:
    """Keep bridges out of a directory meanwhile."""
    if not os.path.lexists(folder / FILE_NAME):
        raise _Problem(f'{folder} has no {FILE_NAME}', MISSING)
    try:
        lock = open_private(folder / 'lock', os.O_RDWR | os.O_CREAT)
    except (OSError, DamagedFile) as error:
        raise _Problem(f'{folder / "lock"}: {error}', MISSING) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise _Problem(f'{folder} is in use by a bridge; stop it first', IN_USE) from None
    finally:
        os.close(lock)


@contextlib.contextmanager
def _copy(folder: Path) -> Any:
    """Open a copy, repaired if need be: the connection, and what is damaged."""
    path = folder / FILE_NAME
    if problem := problem_with(path):
        raise _Problem(f'{path}: {problem}', DAMAGED)
    with tempfile.TemporaryDirectory() as name:
        try:
            for suffix in ('', '-wal'):
                if Path(f'{path}{suffix}').is_file():
                    shutil.copyfile(f'{path}{suffix}', f'{name}/{FILE_NAME}{suffix}')
        except OSError as error:
            raise _Problem(f'{path}: {error.strerror}', DAMAGED) from error
        db, findings = open_database(Path(name) / FILE_NAME)
        damage = [text.replace(name, str(folder)) for text in findings.damage]
        damage = [text.split('; it was set aside')[0] for text in damage]
        damage += [f'{count} rows of {table}' for table, count in damaged_rows(db).items()]
        damage += _lock_damage(db)
        try:
            yield db, damage
        finally:
            db.close()


def _lock_damage(db: sqlite3.Connection) -> list[str]:
    rows = db.execute('SELECT key, value, crc FROM motion_lock').fetchall()
    if len(rows) == 1 and is_whole('motion_lock', rows[0]) and rows[0][1] in LOCKS:
        return []
    return ['the motion lock is not known: the robot stays stopped until resume']


def _show(folder: Path, options: argparse.Namespace) -> int:
    with _copy(folder) as (db, damage):
        print(f'{folder / FILE_NAME}, {(folder / FILE_NAME).stat().st_size} bytes')
        lock = db.execute('SELECT value FROM motion_lock').fetchone()
        state = 'not known' if lock is None or lock[0] not in LOCKS else lock[0] or 'free'
        print(f'the robot is {state}')
        print(f'{"table":<14}{"rows":>8}{"bytes":>12}')
        for table, columns in COLUMNS.items():
            size = ' + '.join(f'length({column})' for column in columns)
            count, total = db.execute(f'SELECT count(*), sum({size}) FROM {table}').fetchone()
            print(f'{table:<14}{count:>8}{total or 0:>12}')
        return _report(damage)


def _export(folder: Path, options: argparse.Namespace) -> int:
    with _copy(folder) as (db, damage):
        tables = {
            table: [_exported(table, row) for row in _rows(db, table)]
            for table in ([options.table] if options.table else COLUMNS)
        }
        json.dump(tables, sys.stdout, indent=1, ensure_ascii=False)
        print()
        return _report(damage)


def _rows(db: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    rows = db.execute(f'SELECT {", ".join(COLUMNS[table])} FROM {table}')
    return [row for row in rows if is_whole(table, row)]


def _exported(table: str, row: tuple[Any, ...]) -> dict[str, Any]:
    values = dict(zip(COLUMNS[table], row, strict=True))
    values.pop('crc', None)
    if table == 'credentials':
        values['value'] = HIDDEN
    elif table not in ('trees', 'project', 'last_tree') or table not in KEYED:
        for column in _JSON:
            if column in values:
                with contextlib.suppress(ValueError):
                    values[column] = read_own(values[column])
    return values


def _check(folder: Path, options: argparse.Namespace) -> int:
    with _copy(folder) as (db, damage):
        for (verdict,) in db.execute('PRAGMA integrity_check(20)'):
            if verdict != 'ok':
                damage.append(verdict)
        return _report(damage, 'sound')


def _repair(folder: Path, options: argparse.Namespace) -> int:
    path = folder / FILE_NAME
    try:
        db, findings = open_database(path)
    except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
        raise _Problem(f'{path}: {error}', DAMAGED) from error
    with contextlib.closing(db):
        done = list(findings.damage)
        for table, count in damaged_rows(db).items():
            done.append(f'{count} damaged rows of {table} were deleted')
        delete_damaged_rows(db)
        done += _lock_damage(db)
        try:
            db.execute('REINDEX')
            db.execute('VACUUM')
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_corrupt(error):
                raise _Problem(f'{path}: {error}', DAMAGED) from error
    with contextlib.closing(connect(path)):
        pass
    print('\n'.join(done) or 'sound; nothing was to be repaired')
    return SOUND


def _report(damage: list[str], sound: str = '') -> int:
    for text in damage:
        print(f'damaged: {text}', file=sys.stderr)
    if sound and not damage:
        print(sound)
    return DAMAGED if damage else SOUND


if __name__ == '__main__':
    sys.exit(main())
