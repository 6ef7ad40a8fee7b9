# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""History: telemetry of an outage, bounded, thinned where old, told behind what is live."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from fixtures.kept_state import ask, Gate, on_record
from fixtures.peers import websocket_server
from fixtures.robot_side import ignore, Robot
import pytest

from xparo_bridge.link.history import History
from xparo_bridge.messages import LinkState, Telemetry
from xparo_bridge.scenarios.fault_proxy import fault_proxy
from xparo_bridge.state import State
from xparo_bridge.state.queue import OVERHEAD

ROOM = (1 << 20, 3600.0)


class Kept:
    """A history in a file."""

    def __init__(
        self, path: Any, max_bytes: int = 1 << 20, max_age: float = 3600.0, **options: Any
    ) -> None:
        self.state = State(path, lambda problem: None, **options)
        self.history = History(self.state.writer, 'platform.xparo', max_bytes, max_age)

    def samples(self) -> list[Any]:
        return asyncio.run(self.history.oldest(1 << 30))[1]


class SetClock:
    """The time module of a robot whose clock is set now and then."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._passed = 0.0

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self._passed += seconds

    def time(self) -> float:
        return time.time() + self.ahead + self._passed

    def clock_gettime(self, which: int) -> float:
        return time.clock_gettime(which) + self._passed

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@pytest.fixture
def clock(monkeypatch):
    made = SetClock()
    monkeypatch.setattr('xparo_bridge.link.history.time', made)
    return made


@pytest.fixture
def file(tmp_path):
    """Path of a state that does not exist yet."""
    return tmp_path / 'state'


def test_samples_come_out_in_order_with_their_time_also_after_a_restart(file):
    first = Kept(file)
    before = time.time()
    for number in range(40):
        first.history.add({'x': number})
    first.history.flush()
    first.state.close()
    second = Kept(file)
    samples = second.samples()
    assert [sample['values']['x'] for sample in samples] == list(range(40))
    assert before <= samples[0]['time'] <= samples[-1]['time'] <= time.time()
    second.state.close()


def test_it_is_bounded_and_thinned_where_it_is_oldest():
    kept = Kept(None, max_bytes=20_000)
    for number in range(5000):
        kept.history.add({'x': number, 'text': 'x' * 20})
    samples = kept.samples()
    assert sum(len(json.dumps(sample['values'])) for sample in samples) < 25_000
    numbers = [sample['values']['x'] for sample in samples]
    gaps = [later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)]
    assert numbers == sorted(numbers)
    assert 5000 - numbers[0] > 2 * len(numbers), 'more is known than the last few'
    assert numbers[-100:] == list(range(4900, 5000)), 'what is new is whole'
    assert sum(gaps[:10]) > sum(gaps[-10:])
    kept.state.close()


def test_thinning_keeps_the_last_value_of_each_key():
    kept = Kept(None, max_bytes=2_000)
    kept.history.add({'docked': True})
    for number in range(2000):
        kept.history.add({'x': number})
    known: dict[str, Any] = {}
    for sample in kept.samples():
        known |= sample['values']
    assert known == {'docked': True, 'x': 1999}
    kept.state.close()


def test_keys_without_end_are_bounded_too():
    kept = Kept(None, max_bytes=5_000)
    for number in range(3000):
        kept.history.add({f'key {number}': 'x' * 20})
    assert len(json.dumps(kept.samples())) < 15_000
    kept.state.close()


def test_on_disk_the_oldest_go_where_joining_frees_little(file):
    kept = Kept(file, max_bytes=5_000)
    for number in range(180):  # Below twice the bound, from which on the oldest go anyway.
        kept.history.add({f'key {number}': 'x' * 20})
        if number % 20 == 19:  # More would be joined before it is written.
            kept.history.flush()
            on_record(kept.state)
    ask(kept.state, lambda db: [kept.history.bound(db) for _ in range(100)])
    assert kept.history._bytes <= 5_000
    assert 'key 179' in kept.samples()[-1]['values']
    kept.state.close()


@pytest.mark.parametrize('on_disk', [True, False])
def test_what_is_too_old_goes(file, clock, on_disk):
    kept = Kept(file if on_disk else None, max_age=100.0)
    kept.history.add({'x': 'old'})
    kept.history.flush()
    clock.pass_by(200.0)
    kept.history.add({'x': 'new'})
    assert [sample['values']['x'] for sample in kept.samples()] == ['new']
    kept.state.close()


def test_a_picture_is_not_kept():
    kept = Kept(None, max_bytes=100_000)
    kept.history.add({'image': 'x' * 50_000})
    assert kept.samples() == []
    assert kept.history.dropped == 1
    kept.state.close()


def test_what_is_being_written_waits_too(file):
    gate = Gate()
    kept = Kept(file, before_write=gate)
    gate.shut()
    for number in range(40):
        kept.history.add({'x': number})
    gate.reached.wait(10.0)
    assert kept.history.queued == 40
    gate.open()
    assert len(kept.samples()) == kept.history.queued == 40
    kept.state.close()


@pytest.mark.parametrize('disk', ['hangs', 'fails'])
def test_its_bound_holds_in_memory_while_the_disk_does_not_serve(file, disk):
    gate = Gate()
    if disk == 'fails':
        file.write_text('a file where the folder should be')
    kept = Kept(file, max_bytes=64_000, before_write=gate)
    if disk == 'hangs':
        gate.shut()
    for number in range(20_000):
        kept.history.add({'x': number, 'text': 'x' * 20})
    waiting = kept.history._waiting + kept.history._writing
    assert sum(len(text) for _, text in waiting) < 130_000
    assert waiting[-1][1] == '{"x":19999,"text":"xxxxxxxxxxxxxxxxxxxx"}'
    assert kept.history.queued + kept.history.dropped == 20_000
    gate.open()
    kept.state.close()


def test_after_a_failure_of_the_disk_it_counts_what_is_there(file, monkeypatch):
    """Counts of a file that is gone would thin what is new to nothing."""
    monkeypatch.setattr('xparo_bridge.state.writer.RETRY_PERIOD', 0.0)
    kept = Kept(file, max_bytes=64_000)
    for number in range(640):
        kept.history.add({'x': number})
    kept.history.flush()
    ask(kept.state, lambda db: db.execute('DROP TABLE history'))  # It is found damaged.
    for number in range(640, 1280):
        kept.history.add({'x': number})
    kept.history.flush()
    on_record(kept.state)
    numbers = [sample['values']['x'] for sample in kept.samples()]
    assert numbers[-640:] == list(range(640, 1280))
    kept.state.close()


def test_while_the_disk_fails_it_is_told_from_memory(file):
    file.write_text('a file where the folder should be')
    kept = Kept(file)
    for number in range(40):
        kept.history.add({'x': number})

    async def tell() -> None:
        number, samples = await kept.history.oldest(100)
        assert [sample['values']['x'] for sample in samples] == list(range(len(samples)))
        again = await kept.history.oldest(100)
        assert again == (number, samples), 'what was not forgotten is told again'
        kept.history.forget(number)
        _, more = await kept.history.oldest(1 << 20)
        assert [s['values']['x'] for s in (*samples, *more)] == list(range(40))

    asyncio.run(tell())
    kept.state.close()


def test_an_outage_is_reported_afterwards_and_what_is_live_goes_first(file):
    frames: list[dict[str, Any]] = []

    async def handler(socket: Any) -> None:
        async for text in socket:
            frames.append(json.loads(text))

    async def scenario() -> None:
        async with websocket_server(ignore) as port:
            pass
        state = State(file, lambda problem: None)
        async with Robot(port, state=state, history=ROOM) as robot:
            await robot.wait_for_state(LinkState.WAITING)
            for number in range(200):
                robot.lanes.put(Telemetry({'x': number}))
            async with websocket_server(handler, port=port):
                await robot.wait_for_state(LinkState.CONNECTED)
                robot.lanes.put(Telemetry({'x': 'live'}))
                while robot.lanes.history.queued:
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())
    kinds = [frame['type'] for frame in frames]
    assert kinds.index('telemetry') < kinds.index('telemetry_history')
    reported = [
        sample['values']['x']
        for frame in frames
        if frame['type'] == 'telemetry_history'
        for sample in frame['data']['samples']
    ]
    assert reported == list(range(200))


def test_it_takes_no_more_than_its_share_of_the_link():
    """On a line of 64 KiB/s, history leaves most of it to others."""
    size = 0

    async def count(socket: Any) -> None:
        nonlocal size
        async for text in socket:
            size += len(text)

    async def scenario() -> None:
        async with websocket_server(count) as port, fault_proxy(port) as line:
            line.refusing = True
            async with Robot(
                line.port,
                state=State(None, print),
                history=(1 << 22, 3600.0),
                heartbeat_interval=30.0,
            ) as robot:
                await robot.wait_for_state(LinkState.WAITING)
                for number in range(2000):
                    robot.lanes.put(Telemetry({'x': number, 'text': 'x' * 100}))
                line.heal()
                line.rate = 65536.0
                await robot.wait_for_state(LinkState.CONNECTED)
                began = time.monotonic()
                await asyncio.sleep(3.0)
                assert 0 < size < 0.4 * 65536 * (time.monotonic() - began)
                line.heal()

    asyncio.run(scenario())


@pytest.mark.parametrize('on_disk', [True, False])
@pytest.mark.parametrize('step', [3 * 86400.0, -3 * 86400.0, 3600.0, -3600.0, 30 * 365 * 86400.0])
def test_a_clock_that_is_set_corrects_the_times_of_an_outage_and_loses_nothing(
    file, clock, step, on_disk
):
    kept = Kept(file if on_disk else None, max_age=3600.0)
    for number in range(20):
        kept.history.add({'x': number})
    if on_disk:
        kept.history.flush()
        assert [sample['values']['x'] for sample in kept.samples()] == list(range(20))
    clock.ahead = step
    for number in range(20, 60):
        kept.history.add({'x': number})
    samples = kept.samples()
    assert [sample['values']['x'] for sample in samples] == list(range(60))
    now = clock.time()
    assert all(now - 30.0 < sample['time'] <= now for sample in samples)
    kept.state.close()


def test_samples_of_an_earlier_process_keep_their_times_when_the_clock_is_set(file, clock):
    first = Kept(file, max_age=30 * 86400.0)
    first.history.add({'x': 'before'})
    first.history.flush()
    first.samples()
    first.state.close()
    at = time.time()
    clock.ahead = -3 * 86400.0  # A machine without a battery for its clock was started again.
    second = Kept(file, max_age=30 * 86400.0)
    second.history.add({'x': 'after'})
    second.samples()
    clock.ahead = 0.0
    before, after = second.samples()
    assert before['values']['x'] == 'before'
    assert before['time'] == pytest.approx(at, abs=30.0)
    assert after['time'] == pytest.approx(time.time(), abs=30.0)
    second.state.close()


def test_joined_samples_of_just_as_much_as_is_to_be_left_are_all_kept():
    kept = Kept(None)
    now = kept.history.now()
    size = len('{"x":"1"}') + OVERHEAD
    assert size % 5 == 0
    # Of eight the older four become two; 1/16 of the room is to be free then.
    room = 6 * size * 16 // 15
    records = [(now, '{"x":"1"}')] * 8
    assert len(kept.history.join(records, room)) == 6
    assert kept.history.dropped == 2
    assert len(kept.history.join(records, room - 16)) == 5
    kept.state.close()
