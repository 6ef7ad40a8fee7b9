# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder keeps the last minutes, freezes them, and nobody ever waits for its disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from xparo_bridge.black_box import recorder as module
from xparo_bridge.black_box.mcap import is_whole, read
from xparo_bridge.black_box.recorder import Recorder, Settings, Stream, TextStream
from xparo_bridge.link.bag_upload import check_metadata
from xparo_bridge.ros.definitions import definition

make_reader = pytest.importorskip('mcap.reader').make_reader
AnyReader = pytest.importorskip('rosbags.highlevel').AnyReader


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up, 'it did not come about'
        time.sleep(0.02)
    return found


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack('<II', 0x100, len(data) + 1) + data + b'\0'


def texts(path: Path, topic: str) -> list[str]:
    """Texts on a topic of a file, whole or not."""
    return [
        one.data[8:-1].decode()
        for chunk in read(path)
        for one in chunk
        if one.channel.topic == topic
    ]


@contextlib.contextmanager
def recording(folder: Path, **settings: Any) -> Iterator[Recorder]:
    chosen = {'after': 0.2, 'quiet': 0.0, 'min_free': 0, **settings}
    recorder = Recorder(Settings(folder, **chosen), definition)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.close(10.0)


def say(recorder: Recorder, stream: Stream, *said: str) -> None:
    for text in said:
        recorder.put(stream, string(text), time.time_ns(), time.time_ns())


def frozen(recorder: Recorder, folder: Path, name: str) -> Path:
    """Return the file of a recording once it is listed."""
    wait_for(lambda: name in [about['name'] for about in recorder.recordings.listed])
    return folder / 'recordings' / name / f'{name}.mcap'


def test_a_recording_has_what_came_before_and_for_some_time_after(tmp_path: Path) -> None:
    with recording(tmp_path, after=1.0) as recorder:
        stream = Stream('/said', 'std_msgs/msg/String')
        say(recorder, stream, *(f'before {number}' for number in range(500)))
        name = recorder.freeze('command_failed', 'go: aborted', asked=True)
        say(recorder, stream, 'after')
        file = frozen(recorder, tmp_path, name)
        say(recorder, stream, 'long after')
    assert texts(file, '/said') == [*(f'before {number}' for number in range(500)), 'after']
    about = json.loads((file.parent / 'recording.json').read_text())
    assert about['messages'] == 501
    assert [one['kind'] for one in about['reasons']] == ['command_failed']
    assert about['bytes'] == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list((tmp_path / 'recordings').glob('*.partial'))


def test_a_recording_is_a_bag_for_rosbags_mcap_and_the_upload(tmp_path: Path) -> None:
    forever = {'sec': 9223372036, 'nsec': 854775807}
    profile = {
        'history': 'keep_last',
        'depth': 1,
        'reliability': 'reliable',
        'durability': 'transient_local',
        'deadline': forever,
        'lifespan': forever,
        'liveliness': 'automatic',
        'liveliness_lease_duration': forever,
        'avoid_ros_namespace_conventions': False,
    }
    qos = json.dumps([profile])
    with recording(tmp_path) as recorder:
        stream = Stream('/tf_static', 'tf2_msgs/msg/TFMessage', qos)
        recorder.put(stream, struct.pack('<II', 0x100, 0), 5, 4)
        say(recorder, Stream('/said', 'std_msgs/msg/String'), 'one', 'two')
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    check_metadata(file.parent)
    with AnyReader([file.parent]) as bag:
        assert {one.topic for one in bag.connections} == {'/tf_static', '/said'}
        found = [(one.topic, bytes(data)) for one, _, data in bag.messages()]
        assert sorted(found) == sorted(
            [
                ('/tf_static', struct.pack('<II', 0x100, 0)),
                ('/said', string('one')),
                ('/said', string('two')),
            ]
        )
        said = [bag.deserialize(data, one.msgtype) for one, _, data in bag.messages()]
        assert [one.data for one in said if hasattr(one, 'data')] == ['one', 'two']
    with file.open('rb') as opened:
        summary = make_reader(opened).get_summary()
        assert summary is not None
        kept = {one.topic: one.metadata for one in summary.channels.values()}
        assert json.loads(kept['/tf_static']['offered_qos_profiles'])[0]['durability'] == (
            'transient_local'
        )


def test_the_ring_is_bounded_in_bytes_and_has_the_newest(tmp_path: Path) -> None:
    with recording(tmp_path, max_bytes=2_000_000) as recorder:
        stream = Stream('/said', 'std_msgs/msg/String')
        for number in range(30):
            say(recorder, stream, *(f'{number} {one} '.ljust(10_000, '.') for one in range(20)))
            wait_for(lambda: not recorder._items)
            size = sum(one.stat().st_size for one in (tmp_path / 'ring').iterdir())
            assert size <= 2_200_000
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    said = texts(file, '/said')
    assert said[-1].startswith('29 19 ')
    assert 1_500_000 < file.stat().st_size < 2_200_000
    assert recorder.lost == 0


def test_the_ring_is_bounded_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(tmp_path, seconds=3.0) as recorder:
        stream = Stream('/said', 'std_msgs/msg/String')
        say(recorder, stream, 'old')
        began = time.monotonic()
        while time.monotonic() - began < 5.5:
            say(recorder, stream, 'new')
            time.sleep(0.1)
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    assert 'old' not in texts(file, '/said')
    assert len(texts(file, '/said')) > 20


def test_what_was_said_once_is_in_each_file_and_once_in_a_recording(tmp_path: Path) -> None:
    with recording(tmp_path, max_bytes=1_500_000) as recorder:
        once = Stream('/map', 'std_msgs/msg/String', keep=True)
        say(recorder, once, 'the map')
        stream = Stream('/said', 'std_msgs/msg/String')
        for _ in range(40):
            say(recorder, stream, *('x' * 5_000 for _ in range(10)))
            wait_for(lambda: not recorder._items)
        files = sorted((tmp_path / 'ring').glob('*.mcap'))[:-1]
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    assert len(files) > 5
    for one in files:
        if one.exists():
            assert texts(one, '/map') == ['the map']
    assert texts(file, '/map') == ['the map']


def test_reasons_that_come_while_one_is_made_are_one_recording(tmp_path: Path) -> None:
    with recording(tmp_path, after=0.6, quiet=30.0) as recorder:
        say(recorder, Stream('/said', 'std_msgs/msg/String'), 'x')
        name = recorder.freeze('command_failed', 'a')
        assert recorder.freeze('stop', 'b') == name
        frozen(recorder, tmp_path, name)
        assert recorder.freeze('command_failed', 'c') == ''  # Too soon.
        asked = recorder.freeze('asked', 'd', asked=True)
        assert asked not in ('', name)
        frozen(recorder, tmp_path, asked)
        [second, first] = recorder.recordings.listed
        assert [one['text'] for one in first['reasons']] == ['a', 'b']
        assert [one['text'] for one in second['reasons']] == ['d']


def test_recordings_are_pruned_by_bytes_and_age_and_never_the_newest(tmp_path: Path) -> None:
    for bounds in ({'recordings_bytes': 1}, {'recordings_age': 0.0}):
        folder = tmp_path / next(iter(bounds))
        with recording(folder, **bounds) as recorder:
            for number in range(3):
                say(recorder, Stream('/said', 'std_msgs/msg/String'), 'x')
                name = recorder.freeze(f'asked {number}', '', asked=True)
                frozen(recorder, folder, name)
            assert [about['name'] for about in recorder.recordings.listed] == [name]
            assert [one.name for one in (folder / 'recordings').iterdir()] == [name]


def test_what_is_due_at_the_end_is_frozen(tmp_path: Path) -> None:
    with recording(tmp_path, after=60.0) as recorder:
        say(recorder, Stream('/said', 'std_msgs/msg/String'), 'last words')
        name = recorder.freeze('stop', '')
    assert texts(tmp_path / 'recordings' / name / f'{name}.mcap', '/said') == ['last words']
    assert all(is_whole(one) for one in (tmp_path / 'ring').iterdir())
    with recording(tmp_path) as recorder:
        recorder.on_killed = 'it was not'
        say(recorder, Stream('/said', 'std_msgs/msg/String'), 'x')
        wait_for(lambda: len(list((tmp_path / 'ring').glob('*.mcap'))) == 2)
        assert len(recorder.recordings.listed) == 1


def test_an_interrupted_recording_is_made_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(module.Recordings, '_make', lambda *_: None)  # As a power cut would.
        with recording(tmp_path) as recorder:
            say(recorder, Stream('/said', 'std_msgs/msg/String'), 'x')
            name = recorder.freeze('asked', '', asked=True)
    assert [one.name for one in (tmp_path / 'recordings').iterdir()] == [f'{name}.partial']
    with recording(tmp_path) as recorder:
        assert texts(frozen(recorder, tmp_path, name), '/said') == ['x']


def test_json_topics_are_made_in_the_recorders_thread(tmp_path: Path) -> None:
    made_in: list[str] = []

    def make() -> dict[str, str]:
        made_in.append(threading.current_thread().name)
        return {'said': 'größe\0'}

    def broken() -> Any:
        raise RuntimeError('no')

    with recording(tmp_path) as recorder:
        stream = TextStream('/b/events')
        recorder.put_object(stream, make, 100)
        recorder.put_object(stream, broken, 100)
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    first, second = map(json.loads, texts(file, '/b/events'))
    assert first == {'said': 'größe\0'}
    assert 'RuntimeError' in second['fault']
    assert made_in == ['recorder']


def test_a_condition_freezes(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        stream = Stream('/said', 'std_msgs/msg/String')
        stream.check = lambda data: 'battery: it is low' if b'low' in data else ''
        say(recorder, stream, 'fine', 'low')
        wait_for(lambda: recorder.recordings.listed)
        [about] = recorder.recordings.listed
    assert about['reasons'][0]['kind'] == 'battery'
    assert about['reasons'][0]['text'] == 'it is low'


class Disk:
    """A disk that fails or hangs when it is told to, in the calls that the recorder makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: OSError | None = None
        self.answers = threading.Event()
        self.answers.set()
        for name in ('write', 'open', 'fdatasync'):
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any, **options: Any) -> Any:
            if threading.current_thread().name == 'recorder':
                self.answers.wait(60.0)
                if self.error is not None:
                    raise self.error
            return call(*args, **options)

        return failing


@pytest.mark.parametrize('number', [28, 30, 5, 122], ids=['full', 'read-only', 'broken', 'quota'])
def test_a_disk_that_fails_is_said_and_the_recorder_goes_on_when_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    disk = Disk(monkeypatch)
    with recording(tmp_path) as recorder:
        stream = Stream('/said', 'std_msgs/msg/String')
        say(recorder, stream, 'before')
        wait_for(lambda: list((tmp_path / 'ring').glob('*.mcap')))
        disk.error = OSError(number, os.strerror(number))
        say(recorder, stream, 'lost')
        problem = wait_for(lambda: recorder.problem)
        assert os.strerror(number) in problem
        assert recorder.freeze('asked', '', asked=True) == ''
        disk.error = None

        def works() -> bool:
            say(recorder, stream, 'again')
            return not recorder.problem

        wait_for(works)
        say(recorder, stream, 'last')
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    assert texts(file, '/said')[-1] == 'last'
    assert recorder.lost > 0


def test_a_disk_that_hangs_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(module, '_SLOW', 0.3)
    recorder = Recorder(Settings(tmp_path, min_free=0), definition)
    recorder.start()
    disk.answers.clear()
    stream, longest = Stream('/said', 'std_msgs/msg/String'), 0.0
    say(recorder, stream, 'x')
    wait_for(lambda: recorder.problem)
    assert 'has not answered' in recorder.problem
    data = bytes(1_000_000)
    for _ in range(200):
        began = time.thread_time()
        recorder.put(stream, data, 1, 1)
        longest = max(longest, time.thread_time() - began)
    assert longest < 0.05
    assert recorder.lost > 150  # What waits is bounded.
    assert recorder._waiting <= module._WAITING
    began = time.monotonic()
    recorder.close(0.3)
    assert time.monotonic() - began < 2.0
    disk.answers.set()
    recorder._thread.join(20.0)


def test_the_reserve_of_the_disk_is_left_alone(tmp_path: Path) -> None:
    with recording(tmp_path, min_free=1 << 60) as recorder:
        say(recorder, Stream('/said', 'std_msgs/msg/String'), 'x')
        assert 'of the disk are free' in wait_for(lambda: recorder.problem)
    assert list((tmp_path / 'ring').glob('*.mcap')) == []


def test_the_program_of_the_page_prints_what_the_bridge_said(tmp_path):
    page = (Path(__file__).parents[2] / 'docs' / 'black-box.md').read_text()
    program = page.split('```python\n# look.py\n')[1].split('```')[0]
    with recording(tmp_path) as recorder:
        topic = '/xparo_bridge/black_box/commands'
        say(recorder, Stream(topic, 'std_msgs/msg/String'), '{"state": "failed"}')
        say(recorder, Stream('/said', 'std_msgs/msg/String'), 'something else')
        file = frozen(recorder, tmp_path, recorder.freeze('asked', '', asked=True))
    done = subprocess.run(
        [sys.executable, '-c', program, str(file.parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (line,) = done.stdout.splitlines()
    assert line.endswith(f'{topic} {{"state": "failed"}}'), done
