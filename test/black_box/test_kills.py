# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A recorder that is killed while it writes leaves files that can be read, each of fifty times.

`make test ARGS=test/black_box/test_kills.py WHOLE=1` runs all of them, the suite a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
import struct
import subprocess
import sys
import time

import pytest

from xparo_bridge.black_box.recorder import Recorder, Settings

EndOfFile = pytest.importorskip('mcap.exceptions').EndOfFile
make_reader = pytest.importorskip('mcap.reader').make_reader
NonSeekingReader = pytest.importorskip('mcap.reader').NonSeekingReader
AnyReader = pytest.importorskip('rosbags.highlevel').AnyReader

WRITER = Path(__file__).with_name('writing_process.py')
# What may be lost: what came in this time before the kill, s. The recorder writes each 0.2 s.
LOST = 3.0


def numbers_of(datas: Iterator[bytes]) -> list[int]:
    return [struct.unpack_from('<Q', data)[0] for data in datas]


def torn(path: Path) -> Iterator[bytes]:
    """Messages of a file, whole or not, as the package mcap reads them from end to end."""
    with path.open('rb') as file:
        try:
            for _, channel, message in NonSeekingReader(file, validate_crcs=True).iter_messages(
                log_time_order=False
            ):
                if channel.topic == '/numbers':
                    yield message.data
        except EndOfFile:
            pass


def whole(path: Path) -> list[int]:
    """Numbers of a file by its index, as both libraries read them."""
    with path.open('rb') as file:
        found = make_reader(file, validate_crcs=True).iter_messages(topics='/numbers')
        by_mcap = numbers_of(message.data for _, _, message in found)
    with AnyReader([path]) as bag:
        chosen = [one for one in bag.connections if one.topic == '/numbers']
        by_rosbags = numbers_of(data for _, _, data in bag.messages(chosen)) if chosen else []
    assert sorted(by_mcap) == sorted(by_rosbags)
    return sorted(by_mcap)


@pytest.mark.sampled(4)
@pytest.mark.parametrize('seed', range(50))
def test_each_file_can_be_read_after_a_kill(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    size = random.choice((0, 500, 5_000, 60_000))
    writer = subprocess.Popen(
        [sys.executable, str(WRITER), str(tmp_path), str(size)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    said: list[tuple[int, float]] = []
    try:
        assert writer.stdout.readline() == 'ready\n'
        kill_at = time.monotonic() + random.uniform(0.3, 4.0)
        while time.monotonic() < kill_at or not said:
            number, at = writer.stdout.readline().split()
            said.append((int(number), float(at)))
        time.sleep(random.uniform(0.0, 0.2))
    finally:
        killed_at = time.monotonic()
        writer.kill()
        writer.wait()
        writer.stdout.close()
    files = sorted((tmp_path / 'ring').glob('*.mcap'))
    before = [number for path in files for number in numbers_of(torn(path))]
    assert before == list(range(before[0], before[0] + len(before))) if before else True
    certain = [number for number, at in said if at < killed_at - LOST]
    assert (before[-1] if before else 0) >= max(certain, default=0)
    # The next start finishes what was torn, and makes a recording of it.
    recorder = Recorder(Settings(tmp_path, min_free=0), lambda kind: '')
    recorder.on_killed = 'killed'
    recorder.start()
    give_up = time.monotonic() + 60.0
    while not recorder.recordings.listed:
        recorder._some.set()
        assert time.monotonic() < give_up, recorder.problem
        time.sleep(0.02)
    recorder.close(10.0)
    after = [
        number for path in sorted((tmp_path / 'ring').glob('*.mcap')) for number in whole(path)
    ]
    assert after == before
    [about] = recorder.recordings.listed
    name = about['name']
    assert whole(tmp_path / 'recordings' / name / f'{name}.mcap') == before
