# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""State that was damaged in any way: the start goes on, says what is lost, and loses no more."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import os
from pathlib import Path
import sqlite3
import threading
import time

from fixtures.kept_state import Gate, in_file, on_record, works
import pytest

from xparo_bridge.state import State, StateInUse
from xparo_bridge.state import writer as writer_module
from xparo_bridge.state.database import FILE_NAME

PLACES = {f'place {number}': f'{{"x": {number}}}' for number in range(300)}


def opened(folder: Path, reported: list[str] | None = None, **options: object) -> State:
    """The state of one run of the bridge."""
    return State(folder, (reported if reported is not None else []).append, **options)  # type: ignore[arg-type]


def places(state: State) -> dict[str, str]:
    return dict(state.table('places', max_entries=1000, max_bytes=1 << 20).items())


def keep_places(folder: Path, *, lock: str = 'paused') -> None:
    state = opened(folder)
    table = state.table('places', max_entries=1000, max_bytes=1 << 20)
    for name, text in PLACES.items():
        table.put(name, text)
    state.motion_lock.set(lock)
    state.close()


def overwrite(at: int, data: bytes) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        with file.open('r+b') as opened_file:
            opened_file.seek(at)
            opened_file.write(data)

    return damage


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        file.unlink()
        make(file)

    return damage


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def other_schema(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute('CREATE TABLE places (name TEXT, x REAL)')


def newer(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute('PRAGMA user_version = 99')


def other_users(file: Path) -> None:
    if os.geteuid():
        pytest.skip('only root can give a file away')
    os.chown(file, 12345, 12345)


def many_tables(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute('DROP TABLE outbox')


def huge(file: Path) -> None:
    with file.open('wb') as made:
        made.truncate(1 << 34)


DAMAGES: dict[str, Callable[[Path], None]] = {
    'empty': replaced(lambda file: file.write_bytes(b'')),
    'cut': cut,
    'cut to a byte': lambda file: os.truncate(file, 1),
    'random': replaced(lambda file: file.write_bytes(os.urandom(50_000))),
    'text': replaced(lambda file: file.write_text('[' * 100_000)),
    'no UTF-8': replaced(lambda file: file.write_bytes(b'\xff\xfe' * 1000)),
    'header': overwrite(0, os.urandom(100)),
    'page': overwrite(4096, os.urandom(4096)),
    'other schema': replaced(other_schema),
    'a table is missing': many_tables,
    'newer version': newer,
    'directory': replaced(lambda file: file.mkdir()),
    'full directory': replaced(lambda file: (file / 'x').mkdir(parents=True)),
    'FIFO': replaced(os.mkfifo),
    'link in a circle': replaced(lambda file: file.symlink_to(file)),
    'link to nothing': replaced(lambda file: file.symlink_to('/nowhere/at/all')),
    'link to a device': replaced(lambda file: file.symlink_to('/dev/full')),
    'huge': huge,
    'missing': lambda file: file.unlink(),
}


@pytest.mark.parametrize('name', DAMAGES)
def test_a_damaged_file_is_named_and_set_aside_and_the_robot_stays_stopped(tmp_path, name):
    folder = tmp_path / 'state'
    keep_places(folder)
    DAMAGES[name](folder / FILE_NAME)
    reported: list[str] = []
    began = time.monotonic()
    state = opened(folder, reported)
    assert time.monotonic() - began < 5.0
    assert state.problem == ''
    assert any(FILE_NAME in text for text in reported), reported
    assert state.motion_lock.damaged, 'in doubt the robot stays stopped'
    # What could be read is right, and it is kept on as before.
    kept = places(state)
    assert kept.items() <= PLACES.items()
    if name in ('a table is missing', 'newer version'):
        assert kept == PLACES
    state.table('schedules', max_entries=10, max_bytes=1000).put('a', 'new')
    state.motion_lock.set('')
    state.close()
    if name != 'missing':
        assert list(folder.glob(f'{FILE_NAME}.damaged*'))
    again: list[str] = []
    state = opened(folder, again)
    assert (again, state.motion_lock.damaged, places(state)) == ([], '', kept)
    state.close()
    assert in_file(folder, 'SELECT value FROM schedules') == [('new',)]


@pytest.mark.parametrize('mode', [0o000, 0o444, 0o644])
def test_a_file_whose_mode_was_changed_is_used_and_readable_by_nobody_else(tmp_path, mode):
    keep_places(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    state = opened(tmp_path)
    assert places(state) == PLACES
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    state.close()


@pytest.mark.parametrize('part', ['value', 'crc', 'key'])
def test_a_row_that_was_changed_costs_no_more_than_itself(tmp_path, part):
    keep_places(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as db, db:
        value = 5 if part == 'crc' else 'x'
        db.execute(f"UPDATE places SET {part} = ? WHERE key = 'place 7'", (value,))
    reported: list[str] = []
    state = opened(tmp_path, reported)
    assert places(state) == {k: v for k, v in PLACES.items() if k != 'place 7'}
    assert '1 damaged places' in reported[0]
    assert state.motion_lock.value == 'paused' and not state.motion_lock.damaged
    state.close()


def copied_while_in_use(folder: Path, to: Path) -> None:
    """What a kill -9 leaves: a file whose newest rows are in its log."""
    state = opened(folder)
    table = state.table('places', max_entries=1000, max_bytes=1 << 20)
    for name, text in PLACES.items():
        table.put(name, text)
        on_record(state)
    to.mkdir()
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    state.close()


@pytest.mark.parametrize('damage', ['none', 'garbage', 'middle', 'FIFO', 'directory', 'torn end'])
def test_a_damaged_log_is_reported_and_not_taken_for_a_short_one(tmp_path, damage):
    folder = tmp_path / 'copy'
    copied_while_in_use(tmp_path / 'state', folder)
    log = folder / f'{FILE_NAME}-wal'
    size = log.stat().st_size
    assert size > 100_000
    if damage == 'garbage':
        log.write_bytes(os.urandom(size))
    elif damage == 'middle':
        overwrite(size // 2, os.urandom(100))(log)
    elif damage == 'torn end':
        os.truncate(log, size - 1000)
    elif damage != 'none':
        log.unlink()
        os.mkfifo(log) if damage == 'FIFO' else log.mkdir()
    reported: list[str] = []
    state = opened(folder, reported)
    kept = places(state)
    assert kept.items() <= PLACES.items()
    if damage in ('none', 'torn end'):  # A commit that a power cut tore is as if it never was.
        assert len(kept) >= len(PLACES) - 1
        assert reported == []
    else:
        assert any('-wal' in text for text in reported)
        assert state.motion_lock.damaged
    state.close()


@pytest.mark.parametrize('kind', ['directory', 'FIFO', 'device', 'loop', 'file'])
@pytest.mark.parametrize('what', ['lock', 'folder'])
def test_whatever_stands_for_lock_or_folder_the_start_goes_on(tmp_path, what, kind):
    folder = tmp_path / 'state'
    if what == 'lock':
        folder.mkdir()
    path = folder / 'lock' if what == 'lock' else folder
    if kind == 'directory':
        path.mkdir()
    elif kind == 'FIFO':
        os.mkfifo(path)
    elif kind == 'file':
        path.write_text('x')
    else:
        path.symlink_to('/dev/full' if kind == 'device' else path)
    reported: list[str] = []
    began = time.monotonic()
    state = opened(folder, reported)
    state.table('places', max_entries=10, max_bytes=1000).put('a', 'b')
    on_record(state)
    if what == 'folder' and kind != 'directory':
        assert 'kept in memory only' in state.problem
        assert not state.motion_lock.damaged, 'no bridge can have kept anything there'
    else:
        assert state.problem == ''
    state.close()
    assert time.monotonic() - began < 5.0


def test_two_bridges_do_not_share_a_directory(tmp_path):
    first = opened(tmp_path)
    with pytest.raises(StateInUse, match='in use by another bridge'):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_a_disk_that_hangs_at_the_start_delays_it_by_a_bounded_time_and_loses_nothing(tmp_path):
    keep_places(tmp_path)
    gate = Gate()
    gate.shut()
    began = time.monotonic()
    state = opened(tmp_path, before_write=gate, timeout=0.3)
    assert places(state) == {}
    assert state.motion_lock.damaged
    assert time.monotonic() - began < 2.0
    state.table('schedules', max_entries=10, max_bytes=1000).put('a', 'new')
    gate.open()
    on_record(state)
    state.close()
    again = opened(tmp_path)
    assert places(again) == PLACES
    again.close()
    assert in_file(tmp_path, 'SELECT value FROM schedules') == [('new',)]


def test_a_disk_that_hangs_is_reported_and_holds_up_neither_calls_nor_the_end(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writer_module, '_REPORTED_AFTER', 0.1)
    gate = Gate()
    state = opened(tmp_path, before_write=gate)
    table = state.table('places', max_entries=1000, max_bytes=1 << 20)
    gate.shut()
    began = time.monotonic()
    for name, text in PLACES.items():
        table.put(name, text)
    state.motion_lock.set('stopped')
    assert time.monotonic() - began < 0.05
    gate.reached.wait(10.0)
    end = time.monotonic() + 10.0
    while 'has not answered' not in state.problem:
        assert time.monotonic() < end
    began = time.monotonic()
    state.close(0.2)
    assert time.monotonic() - began < 1.0
    assert all(thread.daemon for thread in threading.enumerate() if 'state' in thread.name)
    gate.open()
    state.writer.close(10.0)
    assert len(in_file(tmp_path, 'SELECT key FROM places')) == len(PLACES)


def test_after_a_failure_all_is_written_that_memory_has(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_module, 'RETRY_PERIOD', 0.05)
    failing = threading.Event()

    def disk() -> None:
        if failing.is_set():
            raise OSError(5, 'Input/output error')

    reported: list[str] = []
    state = opened(tmp_path, reported, before_write=disk)
    table = state.table('places', max_entries=1000, max_bytes=1 << 20)
    table.put('before', '1')
    on_record(state)
    failing.set()
    table.delete('before')
    for name, text in PLACES.items():
        table.put(name, text)
    on_record(state)
    assert 'Input/output error' in state.problem
    failing.clear()
    works(state)
    assert len(reported) == 2 and 'keeps again' in reported[1]
    state.close()
    assert dict(in_file(tmp_path, 'SELECT key, value FROM places')) == PLACES


def test_a_state_that_was_closed_leaves_no_thread(tmp_path):
    before = set(threading.enumerate())
    keep_places(tmp_path)
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10.0)
    assert not any(thread.is_alive() for thread in left)
