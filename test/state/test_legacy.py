# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The files of 0.1.0 are taken over once, each as far as it can be read."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import hashlib
import json
import os
from pathlib import Path
import sqlite3
import time
from typing import Any

from fixtures.kept_state import in_file
import pytest

from xparo_bridge.state import State

NAMES = ('commands.jsonl', 'places.json', 'schedules.json', 'project.json')
XML = '<root><BehaviorTree ID="t"/></root>'
HASH = hashlib.sha256(XML.encode()).hexdigest()
LANE = 'platform.xparo'


def lines(*values: Any) -> str:
    return ''.join(json.dumps(value) + '\n' for value in values)


def folder_of_0_1_0(folder: Path, lock: str = 'paused') -> None:
    """What 0.1.0 left, as it wrote it."""
    (folder / 'trees').mkdir(parents=True)
    (folder / 'credentials').mkdir()
    (folder / 'platform.logs').mkdir()
    (folder / 'lock').touch()
    status = {'command': 'go', 'state': 'succeeded', 'error': None, 'result': {'x': 1}}
    (folder / 'commands.jsonl').write_text(
        lines(
            {'end': 'a', 'source': 'platform', 'status': status, 'at': 1700000000.0},
            {'latch': ''},
            {'open': 'b', 'command': 'go', 'source': 'platform'},
            {'goal': 'b', 'action': '/navigate', 'goal_id': 'ab' * 16, 'leave': False},
            {'latch': lock},
        )
    )
    (folder / 'places.json').write_text('{"home": {"x": 1, "y": 2, "yaw": 0, "frame": "map"}}')
    (folder / 'schedules.json').write_text('{"platform": {"entries": {}, "ended": {}}}')
    (folder / 'project.json').write_text('{"aiml": "<aiml/>", "name": "r"}')
    last = {'name': 't', 'hash': HASH, 'blackboard': {'n': 1}, 'unfinished': True}
    (folder / 'trees' / 'index.json').write_text(json.dumps({'trees': {'t': HASH}, 'last': last}))
    (folder / 'trees' / f'{HASH}.xml').write_text(XML)
    (folder / 'credentials' / 'platform').write_text('issued')
    (folder / 'platform.logs' / '000000000007.json').write_text('{"session_id": "s"}')
    with contextlib.closing(sqlite3.connect(folder / f'{LANE}.sqlite')) as db, db:
        db.executescript(
            'PRAGMA journal_mode = WAL;'
            'CREATE TABLE outbox (number INTEGER PRIMARY KEY, message_id TEXT, message TEXT);'
            'CREATE TABLE history '
            '(number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL, sample TEXT);'
        )
        db.execute("INSERT INTO outbox VALUES (4, 'run-4', '[\"ChatRequest\", {}]')")
        db.execute('INSERT INTO history (time, sample) VALUES (1.5, \'{"x": 1}\')')


def taken_over(folder: Path) -> tuple[list[str], str]:
    """Start and end a bridge's state; what it told, and why the lock is not known."""
    reported: list[str] = []
    state = State(folder, reported.append)
    damaged = state.motion_lock.damaged
    state.close()
    return reported, damaged


def test_all_is_taken_over_once(tmp_path):
    folder_of_0_1_0(tmp_path)
    assert taken_over(tmp_path) == ([], '')
    assert in_file(tmp_path, 'SELECT value FROM motion_lock') == [('paused',)]
    commands = dict(in_file(tmp_path, 'SELECT key, value FROM commands'))
    assert json.loads(commands['a'])['result'] == {'x': 1}
    assert json.loads(commands['b'])['goals'] == [['/navigate', 'ab' * 16, False]]
    assert in_file(tmp_path, 'SELECT key FROM places') == [('home',)]
    assert in_file(tmp_path, 'SELECT key, value FROM trees') == [('t', XML)]
    assert dict(in_file(tmp_path, 'SELECT key, value FROM last_tree'))['unfinished'] == 'true'
    assert in_file(tmp_path, 'SELECT key, value FROM credentials') == [('platform', 'issued')]
    assert in_file(tmp_path, 'SELECT lane, number, message_id FROM outbox') == [(LANE, 4, 'run-4')]
    assert in_file(tmp_path, 'SELECT lane, time FROM history') == [(LANE, 1.5)]
    assert in_file(tmp_path, 'SELECT lane, item FROM log_updates') == [
        ('platform', '{"session_id": "s"}')
    ]
    assert in_file(tmp_path, 'SELECT count(*) FROM schedules') == [(1,)]
    assert not any((tmp_path / name).exists() for name in NAMES)
    assert (tmp_path / '0.1.0' / 'places.json').exists()
    for file in (tmp_path / '0.1.0').iterdir():
        assert file.is_dir() or file.stat().st_mode & 0o077 == 0

    # What comes back later, from a backup say, is not taken over what is newer.
    (tmp_path / 'places.json').write_text('{"home": {"x": 9, "y": 9, "yaw": 0, "frame": "map"}}')
    assert taken_over(tmp_path) == ([], '')
    assert '"x": 1' in in_file(tmp_path, 'SELECT value FROM places')[0][0]


DAMAGES: dict[str, Callable[[Path], object]] = {
    'empty': lambda path: path.write_bytes(b''),
    'cut': lambda path: os.truncate(path, path.stat().st_size - 3),
    'random': lambda path: path.write_bytes(os.urandom(5000)),
    'deep': lambda path: path.write_text('[' * 100_000),
    'deep objects': lambda path: path.write_text('{"a":' * 100_000),
    'no UTF-8': lambda path: path.write_bytes(b'{"\xff": 1}'),
    'list': lambda path: path.write_text('[1, 2]'),
    'number': lambda path: path.write_text('7'),
    'infinite': lambda path: path.write_text('{"home": {"x": 1e999}}'),
    'huge': lambda path: os.truncate(path, 1 << 31),
    'directory': lambda path: (path.unlink(), path.mkdir()),
    'FIFO': lambda path: (path.unlink(), os.mkfifo(path)),
    'loop': lambda path: (path.unlink(), path.symlink_to(path)),
    'device': lambda path: (path.unlink(), path.symlink_to('/dev/full')),
    'zero device': lambda path: (path.unlink(), path.symlink_to('/dev/zero')),
}


@pytest.mark.parametrize('damage', DAMAGES)
@pytest.mark.parametrize(
    'name', [*NAMES, 'trees/index.json', 'credentials/platform', f'{LANE}.sqlite']
)
def test_a_damaged_file_of_0_1_0_is_reported_by_name_and_nothing_else_is_lost(
    tmp_path, name, damage
):
    folder_of_0_1_0(tmp_path)
    DAMAGES[damage](tmp_path / name)
    began = time.monotonic()
    reported, lock_damage = taken_over(tmp_path)
    assert time.monotonic() - began < 5.0
    harmless = damage == 'empty' or (damage, name) in (
        ('cut', f'{LANE}.sqlite'),  # So little is missing, or too much, that all can be read.
        ('huge', f'{LANE}.sqlite'),
        ('cut', 'credentials/platform'),  # Shorter text is text.
        *((kind, 'credentials/platform') for kind in ('random', 'deep', 'deep objects')),
        *((kind, 'credentials/platform') for kind in ('list', 'number', 'infinite')),
        ('infinite', 'places.json'),
    )
    part = Path(name).parts[-1] if name != 'trees/index.json' else 'trees'
    assert harmless or any(part in text for text in reported), reported
    assert bool(lock_damage) == (name == 'commands.jsonl')
    tables = {
        'commands.jsonl': 'commands',
        'places.json': 'places',
        'schedules.json': 'schedules',
        'project.json': 'project',
        'trees/index.json': 'trees',
        'credentials/platform': 'credentials',
        f'{LANE}.sqlite': 'outbox',
    }
    for file, table in tables.items():
        if file != name:
            assert in_file(tmp_path, f'SELECT count(*) FROM {table}') != [(0,)], table
    assert taken_over(tmp_path)[0] == [], 'and it is told once'


@pytest.mark.parametrize('lock', ['free', [3], None, {'a': 1}])
def test_a_crafted_lock_is_not_taken_as_it_is(tmp_path, lock):
    folder_of_0_1_0(tmp_path, lock)
    assert 'is no lock' in taken_over(tmp_path)[1]


def test_without_its_journal_the_lock_is_not_known(tmp_path):
    folder_of_0_1_0(tmp_path)
    (tmp_path / 'commands.jsonl').unlink()
    assert 'is missing' in taken_over(tmp_path)[1]
