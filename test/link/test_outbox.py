# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The outbox: control messages outlive the process, whatever the disk does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from typing import Any

from fixtures.kept_state import ask, Gate, in_file, on_record, works
from fixtures.processes import python_path
from fixtures.robot_side import adapter
import pytest

from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.lanes import Lanes
from xparo_bridge.link.outbox import Outbox
from xparo_bridge.messages import CommandState, CommandStatus
from xparo_bridge.state import State
from xparo_bridge.state import writer as writer_module
from xparo_bridge.state.database import FILE_NAME
from xparo_bridge.state.writer import HANGS_AFTER

LANE = 'platform.xparo'


class Kept:
    """A control lane with its outbox in a file, and what it told."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.reported: list[str] = []
        self.state = State(folder, self.reported.append, **options)
        assert self.state.writer is not None
        self.outbox = Outbox(self.state.writer, LANE)
        self.outbox.open()
        self.lane = ControlLane(1 << 24, self.outbox)

    def add(self, *ids: str) -> None:
        for command_id in ids:
            self.lane.add(CommandStatus(command_id, 'go', CommandState.SUCCEEDED))

    def sync(self) -> None:
        """Wait until the disk has what it will have."""
        on_record(self.state)

    def take(self) -> list[CommandStatus]:
        """Hand out everything; confirm only what the window needs."""
        out, confirmed = [], 0
        while True:
            while (message := self.lane.next()) is not None:
                out.append(message)
            if len(out) - confirmed == len(self.lane):
                return out
            self.lane.confirm(self.lane.sent)
            confirmed = len(out)


def on_disk(folder: Path) -> list[str]:
    """Messages in a file that nobody has open."""
    return [row[0] for row in in_file(folder, 'SELECT message FROM outbox ORDER BY number')]


@pytest.fixture
def folder(tmp_path):
    """Path of a state that does not exist yet."""
    return tmp_path / 'state'


@pytest.fixture
def impatient(monkeypatch):
    """Try a disk that failed again at once."""
    monkeypatch.setattr(writer_module, 'RETRY_PERIOD', 0.0)


def test_what_was_not_confirmed_is_there_after_a_restart_with_its_id_and_marked(folder):
    first = Kept(folder)
    first.add('a', 'b', 'c')
    sent = first.take()
    first.lane.confirm(1)
    first.state.close()
    second = Kept(folder)
    again = second.take()
    assert [m.command_id for m in again] == ['b', 'c']
    assert [m.message_id for m in again] == [m.message_id for m in sent[1:]]
    assert all(m.resent for m in again)
    second.state.close()


def test_what_was_confirmed_is_not_there_after_a_restart(folder):
    first = Kept(folder)
    first.add('a', 'b')
    first.take()
    first.lane.confirm(first.lane.sent)
    first.state.close()
    assert on_disk(folder) == []


def test_ids_are_never_used_again(folder):
    ids = set()
    for _ in range(3):
        kept = Kept(folder)
        kept.add('a')
        ids |= {message.message_id for message in kept.take()}
        kept.state.close()
    assert len(ids) == 3


def test_what_is_left_goes_first_and_what_is_new_has_numbers_of_its_own(folder):
    for command_id in 'abc':
        kept = Kept(folder)
        kept.add(command_id)
        kept.state.close()
    last = Kept(folder)
    assert len(last.lane) == 3
    last.sync()
    last.state.close()
    assert len(on_disk(folder)) == 3


def test_nobody_else_can_read_it(folder):
    kept = Kept(folder)
    kept.add('a')
    kept.sync()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    kept.state.close()


WRITER = """
import sys
from pathlib import Path
from fixtures.kept_state import on_record
from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.outbox import Outbox
from xparo_bridge.messages import CommandState, CommandStatus
from xparo_bridge.state import State
state = State(
    Path(sys.argv[1]),
    lambda problem: print(problem, file=sys.stderr),
    durable=sys.argv[2] == 'full',
)
outbox = Outbox(state.writer, 'platform.xparo')
outbox.open()
lane = ControlLane(1 << 24, outbox)
number = 0
while True:
    for _ in range(50):
        lane.add(CommandStatus(str(number), 'go', CommandState.SUCCEEDED))
        number += 1
    on_record(state)
    print(number, flush=True)
"""
ENVIRONMENT = {**os.environ, 'PYTHONPATH': python_path(Path(__file__).parents[1])}


@pytest.mark.parametrize('durability', ['normal', 'full'])
def test_what_was_written_survives_kill_9(folder, durability):
    with subprocess.Popen(
        [sys.executable, '-c', WRITER, str(folder), durability],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        try:
            for _ in range(20):
                written = int(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split()
    written = int(rest[-1]) if rest else written
    kept = Kept(folder)
    ids = [message.command_id for message in kept.take()]
    assert kept.reported == []
    assert len(ids) >= written
    assert ids == [str(number) for number in range(len(ids))]
    kept.state.close()


def test_a_full_disk_is_reported_once_and_the_bridge_goes_on(folder):
    """The size of files is limited for one process: every write beyond fails as on a full disk."""
    script = WRITER.replace('while True:', 'while number < 5000:').replace(
        'print(number, flush=True)', ''
    )
    script += 'print(len(lane), state.problem, flush=True)\nimport os; os._exit(0)\n'
    done = subprocess.run(
        [sys.executable, '-c', script, str(folder), 'normal'],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2),
    )
    count, _, problem = done.stdout.strip().partition(' ')
    assert count == '5000'
    assert 'kept in memory only' in problem
    assert done.stderr.count('kept in memory only') == 1


def test_a_disk_that_works_again_gets_everything(folder, impatient):
    folder.write_text('a file where the folder should be')
    kept = Kept(folder)
    kept.add('a', 'b')
    kept.sync()
    assert 'kept in memory only' in kept.state.problem
    folder.unlink()
    works(kept.state)
    assert 'keeps again' in kept.reported[-1]
    kept.state.close()
    assert len(on_disk(folder)) == 2


def test_what_an_earlier_run_left_is_found_also_when_the_disk_comes_late(folder, impatient):
    first = Kept(folder)
    first.add('left')
    first.state.close()
    blocker = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    blocker.execute('PRAGMA locking_mode = EXCLUSIVE')
    blocker.execute('BEGIN EXCLUSIVE')
    gate = Gate()
    gate.shut()
    second = Kept(folder, before_write=gate, timeout=0.01)
    second.outbox.entries = second.lane._rows
    second.add('new')
    assert len(second.lane) == 1
    blocker.execute('ROLLBACK')
    blocker.close()
    gate.open()
    ask(second.state, lambda db: None)
    assert sorted(m.command_id for m in second.take()) == ['left', 'new']
    second.state.close()


@pytest.mark.parametrize('damage', ['garbage', 'torn', 'header'])
def test_a_corrupt_file_is_set_aside_and_what_can_be_read_is_saved(folder, damage):
    first = Kept(folder)
    first.add(*map(str, range(2000)))
    first.state.close()
    file = folder / FILE_NAME
    content = bytearray(file.read_bytes())
    if damage == 'garbage':
        content = bytearray(os.urandom(len(content)))
    elif damage == 'torn':
        content = content[: len(content) // 2]
    else:
        content[100:200] = bytes(100)
    file.write_bytes(content)
    second = Kept(folder)
    second.add('new')
    second.sync()
    assert 'set aside' in second.reported[0]
    assert (folder / f'{FILE_NAME}.damaged').exists()
    assert second.state.problem == ''
    count = len(second.lane)
    assert count > 1 if damage == 'torn' else count >= 1
    second.state.close()
    assert len(on_disk(folder)) == count


def test_a_file_that_breaks_while_it_is_in_use_is_begun_anew_from_memory(folder, impatient):
    kept = Kept(folder)
    kept.add(*map(str, range(100)))
    kept.sync()
    file = folder / FILE_NAME
    kept.state.writer._db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()
    size = file.stat().st_size
    with file.open('r+b') as broken:
        broken.write(os.urandom(size))
    ask(kept.state, lambda db: db.execute('PRAGMA shrink_memory'))
    for number in range(20):
        kept.add(f'new {number}')
        ask(kept.state, lambda db: db.execute('SELECT count(*) FROM outbox').fetchall())
    kept.sync()
    assert len(kept.lane) == 120
    kept.state.close()
    final = Kept(folder)
    assert len(final.lane) == 120
    final.state.close()


def test_a_message_of_another_version_is_dropped_and_reported(folder):
    State(folder, print).close()
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.executemany(
            f'INSERT INTO outbox VALUES ("{LANE}", ?, ?, ?)',
            [
                (1, 'x-1', '["Gone", {}]'),
                (2, 'x-2', 'no json'),
                (3, 'x-3', '["CommandStatus",{"command_id":"a","command":"go","state":"failed"}]'),
            ],
        )
    kept = Kept(folder)
    for _ in range(2):
        with pytest.raises(ValueError, match='not a message of this version'):
            kept.lane.next()
    assert kept.lane.next().command_id == 'a'
    kept.lane.confirm(3)
    kept.state.close()
    assert on_disk(folder) == []


def test_a_message_that_came_and_went_is_not_written(folder):
    """While the disk is busy the changes are joined."""
    gate = Gate()
    kept = Kept(folder, before_write=gate)
    kept.sync()
    before = ask(kept.state, lambda db: db.total_changes)
    gate.shut()
    kept.add('first')
    gate.reached.wait(10.0)
    kept.add(*map(str, range(100)))
    while kept.lane.next() is not None:
        pass
    kept.lane.confirm(kept.lane.sent)
    gate.open()
    assert ask(kept.state, lambda db: db.total_changes) <= before + 2
    kept.state.close()


def test_adding_never_waits_for_a_disk_that_hangs(folder):
    gate = Gate()
    kept = Kept(folder, before_write=gate)
    gate.shut()
    began = time.monotonic()
    kept.add(*map(str, range(1000)))
    assert time.monotonic() - began < 1.0
    gate.open()
    kept.state.close()


def test_what_waits_for_a_disk_that_hangs_is_bounded_and_all_is_written_in_the_end(
    folder, monkeypatch
):
    monkeypatch.setattr('xparo_bridge.state.table._MAX_CHANGES', 100)
    gate = Gate()
    kept = Kept(folder, before_write=gate)
    kept.add('kept')
    kept.sync()
    gate.shut()
    for number in range(1000):
        kept.add(str(number))
        while kept.lane.next() is not None:
            pass
        kept.lane.confirm(kept.lane.sent)
    assert len(kept.outbox._changes) <= 101
    kept.add('last')
    gate.open()
    kept.state.close()
    assert ['"last"' in text for text in on_disk(folder)] == [True]


def test_a_mark_passes_when_it_is_committed_and_at_once_where_the_disk_fails(folder):
    gate = Gate()
    kept = Kept(folder, before_write=gate)
    kept.sync()
    gate.shut()
    kept.add('a')
    kept.lane.next()
    assert not kept.state.writer.passed(kept.lane.mark)
    gate.open()
    kept.sync()
    assert kept.state.writer.passed(kept.lane.mark)
    kept.state.close()


@pytest.mark.parametrize('state', CommandState)
def test_that_a_command_goes_on_waits_for_what_was_put_before_and_an_end_for_its_record(
    folder, state
):
    gate = Gate()
    kept = Kept(folder, before_write=gate)
    kept.sync()
    gate.shut()
    kept.lane.add(CommandStatus('a', 'go', state))
    kept.lane.next()
    writer = kept.state.writer
    assert writer.passed(kept.lane.mark) is not state.terminal
    # Its order, which the robot's journal was given, is waited for.
    gate.reached.wait(10.0)
    with writer.lock:
        writer.schedule()
    kept.lane.add(CommandStatus('b', 'go', state))
    kept.lane.next()
    assert not writer.passed(kept.lane.mark)
    gate.open()
    kept.sync()
    assert writer.passed(kept.lane.mark)
    kept.state.close()


def test_a_message_is_sent_once_it_is_on_record_and_without_waiting_for_a_disk_that_hangs(folder):
    async def scenario() -> None:
        gate = Gate()
        state = State(folder, print, before_write=gate)
        lanes = Lanes(
            adapter('ws://127.0.0.1/'),
            control_bytes=1 << 20,
            telemetry_bytes=1 << 20,
            state=state,
            name=LANE,
        )
        status = CommandStatus('a', 'go', CommandState.SUCCEEDED)
        gate.shut()
        lanes.put(status)
        handing_out = asyncio.ensure_future(lanes.next())
        await asyncio.to_thread(gate.reached.wait, 10.0)
        assert not handing_out.done()
        gate.open()
        await handing_out
        assert state.writer.passed(lanes.control.mark)

        gate.shut()
        began = time.monotonic()
        for _ in range(10):
            lanes.put(status)
            await lanes.next()
        assert time.monotonic() - began < 3 * HANGS_AFTER, 'a disk that hangs is waited for once'
        gate.open()
        state.close()

    asyncio.run(scenario())


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """After each test the writer has ended."""
    yield
    for thread in threading.enumerate():
        if thread.name == 'state':
            thread.join(5.0)
