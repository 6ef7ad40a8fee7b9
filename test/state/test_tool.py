# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `state`: it shows, exports, checks and repairs, and only when no bridge runs."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
import sqlite3

import pytest

from xparo_bridge.state import Queue, State
from xparo_bridge.state.database import FILE_NAME
from xparo_bridge.state.tool import DAMAGED, IN_USE, main, MISSING, SOUND


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state that holds a little of everything."""
    folder = tmp_path / 'r1'
    state = State(folder, print)
    state.table('places', max_entries=9, max_bytes=1000).put('home', '{"x": 1.0}')
    state.table('credentials', max_entries=9, max_bytes=1000).put('platform', 'hunter2')
    Queue(state.writer, 'log_updates', 'platform', 1000).append('{"logs": ["one"]}')
    state.motion_lock.set('stopped')
    state.close()
    return folder


def change(folder: Path, query: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute(query)


def test_it_shows_the_lock_and_how_much_there_is(folder, capsys):
    assert main(['show', str(folder)]) == SOUND
    out = capsys.readouterr().out
    assert 'the robot is stopped' in out
    assert [line.split()[1] for line in out.splitlines() if line.startswith('places')] == ['1']
    assert 'hunter2' not in out


def test_it_exports_all_as_json_without_credentials(folder, capsys):
    assert main(['export', str(folder)]) == SOUND
    tables = json.loads(capsys.readouterr().out)
    assert tables['places'] == [{'key': 'home', 'value': {'x': 1.0}}]
    assert tables['credentials'] == [{'key': 'platform', 'value': '***'}]
    assert tables['log_updates'][0]['item'] == {'logs': ['one']}
    assert main(['export', '--table', 'places', str(folder)]) == SOUND
    assert list(json.loads(capsys.readouterr().out)) == ['places']


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lambda folder: change(folder, 'UPDATE places SET crc = 1'), '1 rows of places'),
        (lambda folder: change(folder, 'DELETE FROM motion_lock'), 'motion lock is not known'),
        (lambda folder: os.truncate(folder / FILE_NAME, 5000), 'is damaged'),
        (lambda folder: (folder / FILE_NAME).write_bytes(b''), 'it is empty'),
        (lambda folder: change(folder, 'PRAGMA user_version = 77'), 'expected a file of version'),
    ],
)
def test_it_finds_damage_without_changing_anything_and_repairs_it(folder, capsys, damage, words):
    assert main(['check', str(folder)]) == SOUND
    assert 'sound' in capsys.readouterr().out
    damage(folder)
    before = (folder / FILE_NAME).read_bytes()
    assert main(['check', str(folder)]) == DAMAGED
    assert words in capsys.readouterr().err
    assert (folder / FILE_NAME).read_bytes() == before
    assert main(['repair', str(folder)]) == SOUND
    assert capsys.readouterr().out
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    state = State(folder, print)
    assert state.problem == ''
    state.motion_lock.set('')
    state.close()
    assert main(['check', str(folder)]) == SOUND


@pytest.mark.parametrize('verb', ['show', 'export', 'check', 'repair'])
def test_it_refuses_while_a_bridge_holds_the_directory(folder, capsys, verb):
    state = State(folder, print)
    assert main([verb, str(folder)]) == IN_USE
    assert 'stop it first' in capsys.readouterr().err
    state.close()


def test_without_a_directory_it_takes_the_only_one_there_is(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'ros'))
    assert main(['show']) == MISSING
    (tmp_path / 'ros' / 'xparo_bridge').mkdir(parents=True)
    folder.rename(tmp_path / 'ros' / 'xparo_bridge' / 'r1')
    assert main(['show']) == SOUND
    assert main(['show', str(tmp_path)]) == MISSING
    assert FILE_NAME in capsys.readouterr().err


@pytest.mark.parametrize('arguments', [['--help'], ['check', '--help']])
def test_help_says_the_exit_codes(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    assert 'state' in capsys.readouterr().out


def test_what_it_does_not_understand_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(['destroy'])
    assert end.value.code == 2
