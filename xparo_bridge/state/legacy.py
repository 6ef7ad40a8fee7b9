# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Take over the files of version 0.1.0, once: what it kept in eight places goes into state.sqlite.

Each is read as if anybody had written it. What cannot be read is lost by name and set aside; the
rest is moved to the folder `0.1.0` beside the new file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import contextlib
from dataclasses import dataclass, field
import json
from pathlib import Path
import sqlite3
import time
from typing import Any

from ..json_reader import JsonError, read_json, read_object
from .files import DamagedFile, problem_with, read_text, set_aside
from .motion_lock import LOCKS
from .schema import checksum, storable

OLD_FOLDER = '0.1.0'
_FACT = 'taken over from 0.1.0'
_MAX_BYTES = 64 * 1024 * 1024
_MAX_ITEMS = 1_000_000
_JOURNAL = 'commands.jsonl'


@dataclass
class Taken:
    """What was taken over: what was lost in words, and why the motion lock is not known."""

    lost: list[str] = field(default_factory=list)
    lock_damage: str = ''


def has_old_files(folder: Path) -> bool:
    """Return whether a bridge of version 0.1.0 has used a directory."""
    return any(_old_paths(folder))


def take_over(folder: Path, db: sqlite3.Connection) -> Taken:
    """
    Take over what there is, in one transaction, and move the old files out of the way.

    :raises sqlite3.Error: where the disk does not take it; then all is as before.
    """
    taken = Taken()
    paths = list(_old_paths(folder))
    [(done,)] = db.execute('SELECT count(*) FROM facts WHERE key = ?', (_FACT,))
    if done or not paths:
        return taken
    damaged: list[Path] = []
    db.execute('BEGIN IMMEDIATE')
    try:
        for path in paths:
            try:
                _READERS[_kind(path)](db, path, taken)
            except (DamagedFile, JsonError, KeyError, TypeError, ValueError, OSError) as error:
                taken.lost.append(f'{path}: {error}')
                damaged.append(path)
                if path.name == _JOURNAL:
                    taken.lock_damage = f'{path}: {error}'
        if not (folder / _JOURNAL).exists() and not taken.lock_damage:
            taken.lock_damage = f'{folder / _JOURNAL} is missing'
        _put(db, 'facts', _FACT, time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()))
        db.execute('COMMIT')
    except BaseException:
        if db.in_transaction:
            db.execute('ROLLBACK')
        raise
    for path in paths:
        with contextlib.suppress(OSError):
            if path in damaged:
                set_aside(path)
            else:
                _move(path, folder / OLD_FOLDER)
    return taken


def _old_paths(folder: Path) -> Iterable[Path]:
    names = (_JOURNAL, 'places.json', 'schedules.json', 'project.json', 'trees', 'credentials')
    for name in names:
        path = folder / name
        if path.exists() or path.is_symlink():
            yield path
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            if path.suffix == '.logs' or path.suffix == '.sqlite' and path.stem.count('.') >= 1:
                yield path


def _kind(path: Path) -> str:
    return path.suffix if path.suffix in ('.logs', '.sqlite') else path.name


def _move(path: Path, to: Path) -> None:
    to.mkdir(mode=0o700, exist_ok=True)
    for part in (path, *(Path(f'{path}{suffix}') for suffix in ('-wal', '-shm'))):
        if part.is_file():
            part.chmod(0o600)
        if part.exists():
            part.rename(to / part.name)


def _put(db: sqlite3.Connection, table: str, key: str, value: str) -> None:
    key, value = storable(key), storable(value)
    db.execute(
        f'INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)', (key, value, checksum(key, value))
    )


def _text(path: Path) -> str:
    return read_text(path, _MAX_BYTES) or ''


def _object(path: Path) -> dict[str, Any]:
    return read_object(_text(path) or '{}', max_bytes=_MAX_BYTES, max_items=_MAX_ITEMS)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise DamagedFile(problem_with(path) or 'it is no directory')
    return path


def _journal(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    rows: dict[str, dict[str, Any]] = {}
    latch: Any = ''
    closed, bad = False, 0
    for line in _text(path).splitlines():
        try:
            value = read_object(line)
            closed = 'closed' in value
            if 'open' in value:
                rows[value['open']] = {
                    'command': value['command'],
                    'source': value['source'],
                    'goals': [],
                }
            elif 'goal' in value:
                if value['goal'] in rows:
                    goal = [value['action'], value['goal_id'], value['leave']]
                    rows[value['goal']]['goals'].append(goal)
            elif 'end' in value:
                rows.pop(value['end'], None)
                if 'status' in value:
                    rows[value['end']] = {
                        'source': value['source'],
                        'at': value['at'],
                        **value['status'],
                    }
            elif 'latch' in value:
                latch = value['latch']
            elif not closed:
                bad += 1
        except (JsonError, KeyError, TypeError, AttributeError):
            bad += 1
    for key, row in rows.items():
        _put(db, 'commands', str(key), json.dumps(row))
    _put(db, 'facts', 'ended well', 'true' if closed else 'false')
    if bad:
        taken.lost.append(f'{path}: {bad} lines are not understood')
        taken.lock_damage = taken.lost[-1]
    elif not rows and not _text(path).strip():
        taken.lock_damage = f'{path} is empty'
    elif latch not in LOCKS:
        taken.lock_damage = f'{path}: {latch!r:.40} is no lock'
    else:
        _put(db, 'motion_lock', 'motion', latch)


def _places(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    for name, pose in _object(path).items():
        _put(db, 'places', name, json.dumps(pose))


def _schedules(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    for link, schedule in _object(path).items():
        _put(db, 'schedules', link, json.dumps(schedule))


def _project(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    for name, text in _object(path).items():
        if isinstance(text, str):
            _put(db, 'project', name, text)


def _trees(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    index = _object(_folder(path) / 'index.json')

    def xml(hash_: Any) -> str:
        if not (text := _text(path / f'{hash_}.xml')):
            raise DamagedFile(f'{hash_}.xml is missing')
        return text

    for name, hash_ in index.get('trees', {}).items():
        try:
            _put(db, 'trees', name, xml(hash_))
        except DamagedFile as error:
            taken.lost.append(f'tree {name}: {error}')
    last = index.get('last')
    if last:
        run = {key: last[key] for key in ('name', 'hash', 'blackboard')}
        _put(db, 'last_tree', 'xml', xml(last['hash']))
        _put(db, 'last_tree', 'run', json.dumps(run))
        _put(db, 'last_tree', 'unfinished', 'true' if last['unfinished'] is True else 'false')


def _credentials(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    for file in sorted(_folder(path).iterdir()):
        try:
            if file.suffix != '.new' and (text := _text(file)):
                _put(db, 'credentials', file.name, text)
        except DamagedFile as error:
            taken.lost.append(f'credential {error}')


def _lane(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    if problem := problem_with(path):
        raise DamagedFile(problem)
    lane = storable(path.stem)
    with contextlib.closing(sqlite3.connect(path, timeout=0.5)) as old:
        old.text_factory = lambda data: data.decode(errors='replace')
        query = 'SELECT number, message_id, message FROM outbox ORDER BY number'
        for row in _old_rows(old, query, [int, str, str], path, taken):
            db.execute('INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?)', (lane, *row))
        query = 'SELECT time, sample FROM history ORDER BY number'
        for row in _old_rows(old, query, [float, str], path, taken):
            db.execute('INSERT INTO history (lane, time, item) VALUES (?, ?, ?)', (lane, *row))


def _old_rows(
    old: sqlite3.Connection, query: str, types: list[type], path: Path, taken: Taken
) -> Iterator[tuple[Any, ...]]:
    """Rows as far as they can be read."""
    try:
        for row in old.execute(query):
            if [type(value) for value in row] == types:
                yield tuple(storable(value) if isinstance(value, str) else value for value in row)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if 'no such table: history' not in str(error):  # Not each lane had one.
            taken.lost.append(
                f'{path} is damaged ({error}); what could be read of it is taken over'
            )


def _logs(db: sqlite3.Connection, path: Path, taken: Taken) -> None:
    for file in sorted(_folder(path).glob('*.json')):
        try:
            text = _text(file)
            read_json(text)
        except (DamagedFile, JsonError) as error:
            taken.lost.append(f'log lines of {error}')
            continue
        db.execute(
            'INSERT INTO log_updates (lane, time, item) VALUES (?, ?, ?)',
            (storable(path.stem), time.time(), storable(text)),
        )


_READERS: dict[str, Callable[[sqlite3.Connection, Path, Taken], None]] = {
    _JOURNAL: _journal,
    'places.json': _places,
    'schedules.json': _schedules,
    'project.json': _project,
    'trees': _trees,
    'credentials': _credentials,
    '.sqlite': _lane,
    '.logs': _logs,
}
