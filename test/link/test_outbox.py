# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The outbox: control messages outlive the process, whatever the disk does."""

from __future__ import annotations

import os
from pathlib import Path
import resource
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from xparo_bridge.link import store as store_module
from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.outbox import Outbox
from xparo_bridge.link.store import Store
from xparo_bridge.messages import CommandState, CommandStatus

SYSTEM_TIMEOUT = 10.0


class Kept:
    """A control lane with its outbox in a file, and what it told."""

    def __init__(self, path: Path, durability: str = 'normal') -> None:
        self.told: list[str] = []
        self.store = Store(path, durability, self.told.append)
        self.outbox = Outbox(self.store)
        self.outbox.open()
        self.lane = ControlLane(1 << 24, self.outbox)

    def add(self, *ids: str) -> None:
        for command_id in ids:
            self.lane.add(CommandStatus(command_id, 'go', CommandState.SUCCEEDED))

    def sync(self) -> None:
        """Wait until the disk has what it will have."""
        self.store.run(lambda db: None).result(SYSTEM_TIMEOUT)

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


def on_disk(path: Path) -> list[str]:
    """Messages in a file that nobody has open."""
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute('SELECT message FROM outbox ORDER BY number')]


@pytest.fixture
def file(tmp_path):
    """Path of an outbox that does not exist yet."""
    return tmp_path / 'state' / 'platform.xparo.sqlite'


@pytest.fixture
def impatient(monkeypatch):
    """Try a disk that failed again at once."""
    monkeypatch.setattr(store_module, 'RETRY_PERIOD', 0.0)


def test_what_was_not_confirmed_is_there_after_a_restart_with_its_id_and_marked(file):
    first = Kept(file)
    first.add('a', 'b', 'c')
    sent = first.take()
    first.lane.confirm(1)
    first.store.close()
    second = Kept(file)
    again = second.take()
    assert [m.command_id for m in again] == ['b', 'c']
    assert [m.message_id for m in again] == [m.message_id for m in sent[1:]]
    assert all(m.resent for m in again)
    second.store.close()


def test_what_was_confirmed_is_not_there_after_a_restart(file):
    first = Kept(file)
    first.add('a', 'b')
    first.take()
    first.lane.confirm(first.lane.sent)
    first.store.close()
    assert on_disk(file) == []


def test_ids_are_never_used_again(file):
    ids = set()
    for _ in range(3):
        kept = Kept(file)
        kept.add('a')
        ids |= {message.message_id for message in kept.take()}
        kept.store.close()
    assert len(ids) == 3


def test_what_is_left_goes_first_and_what_is_new_has_numbers_of_its_own(file):
    for command_id in 'abc':
        kept = Kept(file)
        kept.add(command_id)
        kept.store.close()
    last = Kept(file)
    assert len(last.lane) == 3
    last.sync()
    last.store.close()
    assert len(on_disk(file)) == 3


def test_nobody_else_can_read_it(file):
    kept = Kept(file)
    kept.add('a')
    kept.sync()
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in file.parent.iterdir())
    kept.store.close()


WRITER = """
import sys
from pathlib import Path
from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.outbox import Outbox
from xparo_bridge.link.store import Store
from xparo_bridge.messages import CommandState, CommandStatus
store = Store(Path(sys.argv[1]), sys.argv[2], lambda problem: print(problem, file=sys.stderr))
outbox = Outbox(store)
outbox.open()
lane = ControlLane(1 << 24, outbox)
number = 0
while True:
    for _ in range(50):
        lane.add(CommandStatus(str(number), 'go', CommandState.SUCCEEDED))
        number += 1
    store.run(lambda db: None).result()
    print(number, flush=True)
"""


@pytest.mark.parametrize('durability', ['normal', 'full'])
def test_what_was_written_survives_kill_9(file, durability):
    process = subprocess.Popen(
        [sys.executable, '-c', WRITER, str(file), durability], stdout=subprocess.PIPE, text=True
    )
    try:
        for _ in range(20):
            written = int(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
    written = int(rest[-1]) if rest else written
    kept = Kept(file)
    ids = [message.command_id for message in kept.take()]
    assert kept.told == []
    assert len(ids) >= written
    assert ids == [str(number) for number in range(len(ids))]
    kept.store.close()


def test_a_full_disk_is_told_once_and_the_bridge_goes_on(file):
    """The size of files is limited for one process: every write beyond fails as on a full disk."""
    script = WRITER.replace('while True:', 'while number < 5000:').replace(
        'print(number, flush=True)', ''
    )
    script += 'print(len(lane), store.problem, flush=True)\nimport os; os._exit(0)\n'
    done = subprocess.run(
        [sys.executable, '-c', script, str(file), 'normal'],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2),
    )
    count, _, problem = done.stdout.strip().partition(' ')
    assert count == '5000'
    assert 'kept in memory only' in problem
    assert done.stderr.count('kept in memory only') == 1


def test_a_disk_that_works_again_gets_everything(file, impatient, tmp_path):
    file.parent.parent.mkdir(exist_ok=True)
    file.parent.write_text('a file where the folder should be')
    kept = Kept(file)
    kept.add('a', 'b')
    kept.sync()
    assert 'kept in memory only' in kept.store.problem
    file.parent.unlink()
    kept.sync()
    assert kept.store.problem == ''
    assert kept.told[-1].endswith('works again')
    kept.store.close()
    assert len(on_disk(file)) == 2


def test_what_an_earlier_run_left_is_found_also_when_the_disk_comes_late(file, impatient):
    first = Kept(file)
    first.add('left')
    first.store.close()
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute('PRAGMA locking_mode = EXCLUSIVE')
    blocker.execute('BEGIN EXCLUSIVE')
    second = Kept(file)
    second.add('new')
    assert 'locked' in second.store.problem
    blocker.execute('ROLLBACK')
    blocker.close()
    second.sync()
    assert sorted(m.command_id for m in second.take()) == ['left', 'new']
    second.store.close()


def test_two_bridges_with_one_file_do_not_send_each_other_s_messages(file):
    first, second = Kept(file), Kept(file)
    first.add('a')
    first.sync()
    second.add('b')
    second.sync()
    assert 'locked' in second.told[0]
    assert [m.command_id for m in second.take()] == ['b']
    second.store.close()
    first.store.close()


@pytest.mark.parametrize('damage', ['garbage', 'torn', 'empty', 'header'])
def test_a_corrupt_file_is_set_aside_and_what_can_be_read_is_saved(file, damage):
    first = Kept(file)
    first.add(*map(str, range(2000)))
    first.store.close()
    content = bytearray(file.read_bytes())
    if damage == 'garbage':
        content = bytearray(os.urandom(len(content)))
    elif damage == 'torn':
        content = content[: len(content) // 2]
    elif damage == 'empty':
        content = bytearray()
    else:
        content[100:200] = bytes(100)
    file.write_bytes(content)
    second = Kept(file)
    second.add('new')
    second.sync()
    if damage == 'empty':  # Which is a fine new database.
        assert second.told == []
    else:
        assert 'set aside' in second.told[0]
        assert file.with_suffix('.corrupt').exists()
    assert second.store.problem == ''
    count = len(second.lane)
    assert count > 1 if damage == 'torn' else count >= 1
    second.store.close()
    assert len(on_disk(file)) == count


def test_a_file_that_breaks_while_it_is_in_use_is_begun_anew_from_memory(file, impatient):
    kept = Kept(file)
    kept.add(*map(str, range(100)))
    kept.sync()
    kept.store.run(lambda db: db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()).result()
    size = file.stat().st_size
    with file.open('r+b') as broken:
        broken.write(os.urandom(size))
    kept.store.run(lambda db: db.execute('PRAGMA shrink_memory')).result()
    for number in range(20):
        kept.add(f'new {number}')
        kept.store.run(lambda db: db.execute('SELECT count(*) FROM outbox').fetchall()).result()
    kept.sync()
    assert len(kept.lane) == 120
    kept.store.close()
    final = Kept(file)
    assert len(final.lane) == 120
    final.store.close()


def test_a_message_of_another_version_is_dropped_and_told(file):
    file.parent.mkdir()
    with sqlite3.connect(file) as db:
        db.execute(Outbox.schema)
        db.executemany(
            'INSERT INTO outbox VALUES (?, ?, ?)',
            [
                (1, 'x-1', '["Gone", {}]'),
                (2, 'x-2', 'no json'),
                (3, 'x-3', '["CommandStatus",{"command_id":"a","command":"go","state":"failed"}]'),
            ],
        )
    kept = Kept(file)
    for _ in range(2):
        with pytest.raises(ValueError, match='not a message of this version'):
            kept.lane.next()
    assert kept.lane.next().command_id == 'a'
    kept.lane.confirm(3)
    kept.store.close()
    assert on_disk(file) == []


def test_a_message_that_came_and_went_is_not_written(file):
    """While the disk is busy the changes are joined."""
    import threading

    kept = Kept(file)
    busy = threading.Event()
    kept.store.run(lambda db: busy.wait(SYSTEM_TIMEOUT))
    kept.add(*map(str, range(100)))
    while kept.lane.next() is not None:
        pass
    kept.lane.confirm(kept.lane.sent)
    busy.set()
    kept.store.run(lambda db: None).result(SYSTEM_TIMEOUT)
    changes = kept.store.run(lambda db: db.total_changes).result(SYSTEM_TIMEOUT)
    assert changes == 0
    kept.store.close()


def test_adding_never_waits_for_a_disk_that_hangs(file):
    import threading

    kept = Kept(file)
    hang = threading.Event()
    kept.store.run(lambda db: hang.wait(SYSTEM_TIMEOUT))
    began = time.monotonic()
    kept.add(*map(str, range(1000)))
    assert time.monotonic() - began < 1.0
    hang.set()
    kept.store.close()
