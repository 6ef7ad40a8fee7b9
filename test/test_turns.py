# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The bridge knows how long each of its threads was held up, and says so."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from fixtures.in_process import bridge_in_process
from fixtures.ros_graph import RosGraph
from fixtures.system import CREDENTIALS
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from xparo_interfaces.msg import BridgeStatus

from xparo_bridge.faults import FAULTS
from xparo_bridge.messages import LinkStatistics
from xparo_bridge.turns import MeasuringSelector, THREADS, Turns

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr('xparo_bridge.turns.time.monotonic', lambda: now[0])
    return now


def turn(turns: Turns, clock: list[float], seconds: float) -> None:
    turns.begin()
    clock[0] += seconds
    turns.end()


def test_the_longest_turn_is_reported_for_a_minute_and_kept_as_the_longest_ever(clock):
    turns = Turns()
    turn(turns, clock, 0.7)
    turn(turns, clock, 0.1)
    assert turns.longest == pytest.approx(0.7)
    for _ in range(5):
        clock[0] += 5.0
        turn(turns, clock, 0.2)
    assert turns.longest == pytest.approx(0.7)
    for _ in range(20):
        clock[0] += 5.0
        turn(turns, clock, 0.2)
    assert turns.longest == pytest.approx(0.2)
    assert turns.longest_ever == pytest.approx(0.7)


def test_a_turn_that_lasts_counts_already(clock):
    turns = Turns()
    turns.begin()
    clock[0] += 3.0
    assert turns.longest == turns.longest_ever == pytest.approx(3.0)


def test_a_thread_that_rests_is_not_held_up(clock):
    turns = Turns()
    turn(turns, clock, 0.5)
    clock[0] += 3600.0
    assert turns.longest == 0.0


def test_a_loop_is_held_up_by_its_callbacks_and_not_by_waiting():
    turns = Turns()

    async def live() -> None:
        await asyncio.sleep(0.3)
        time.sleep(0.15)
        await asyncio.sleep(0)

    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(MeasuringSelector(turns))
    ) as runner:
        runner.run(live())
    assert 0.15 <= turns.longest_ever < 0.3


def test_status_and_diagnostics_say_how_the_bridge_itself_is_doing(tmp_path, monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    link = {'name': 'platform', 'protocol': 'xparo', 'url': 'ws://127.0.0.1:9/ws'}
    with bridge_in_process(tmp_path, {'links': [link]}) as (bridge, node), RosGraph() as graph:
        seen: list[Any] = graph.listen(BridgeStatus, '/xparo_bridge/status', LATCHED)
        parts: list[Any] = graph.listen(DiagnosticArray, '/diagnostics')

        def hold_up() -> None:
            time.sleep(0.6)
            raise ValueError('of the test')

        FAULTS.forget()  # Those of other tests in this process may have filled it.
        node.executor.create_task(hold_up)
        numbers = LinkStatistics(1, 2, *_LANES, {'remote_command': 7}, None, None, '')
        graph.until(lambda: FAULTS.counts.get('a task: ValueError'))
        bridge.crossing.deliver('platform', numbers)

        def reported() -> bool:
            return any(n.name == 'a task: ValueError' for n in (seen[-1].faults if seen else ()))

        graph.until(reported)
        status = seen[-1]
        threads = {thread.name: thread for thread in status.threads}
        assert set(threads) == set(THREADS)
        assert threads['ros'].longest_stall >= 0.6
        assert threads['link'].longest_stall_ever > 0.0
        graph.until(lambda: [n.count for n in seen[-1].refused if n.name == 'remote_command'])
        assert {queue.name for queue in status.queues} >= {'to the robot', 'to the links'}

        def part() -> Any:
            return next(
                (
                    part
                    for array in reversed(parts)
                    for part in array.status
                    if part.name.endswith(': bridge') and part.level != b'\0'
                ),
                None,
            )

        found = graph.until(part)
        values = {value.key: value.value for value in found.values}
        assert 'faults of the bridge itself' in found.message
        assert int(values['fault in a task: ValueError']) >= 1
        assert float(values['longest stall of ros, s']) >= 0.6


_LANES = ({'control': 0, 'live': 0, 'telemetry': 0}, {'control': 0, 'live': 0, 'telemetry': 0})
