# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What looks around each second does so in one turn of the executor, and none for another."""

from __future__ import annotations

import time

from fixtures.ros_graph import RosGraph
import pytest

from xparo_bridge.faults import FAULTS
from xparo_bridge.ros.every import every
from xparo_bridge.ros.walls import owned_by


@pytest.fixture
def graph():
    with RosGraph() as graph:
        yield graph


def test_all_of_a_second_come_together_and_in_order(graph):
    came: list[tuple[str, float]] = []
    for name in 'abc':
        every(graph.node, 1.0, lambda name=name: came.append((name, time.monotonic())))
        time.sleep(0.1)
    graph.until(lambda: len(came) == 6)
    assert [name for name, _ in came] == list('abcabc')
    for turn in (came[:3], came[3:]):
        assert turn[-1][1] - turn[0][1] < 0.15  # Not 0.2, as they began.
    assert came[3][1] - came[0][1] == pytest.approx(1.0, rel=0.5)


def test_a_period_of_more_seconds_and_one_that_is_not_whole_are_kept(graph):
    began = time.monotonic()
    came: dict[float, list[float]] = {1.0: [], 2.0: [], 0.3: [], 1.5: []}
    for period, times in came.items():
        every(graph.node, period, lambda times=times: times.append(time.monotonic() - began))
    graph.until(lambda: len(came[2.0]) == 3)
    # A busy machine is late now and then, and a timer's next time is not: so on the whole.
    for period, times in came.items():
        assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(period, rel=0.2), period
    assert len(came[1.0]) == 6


@pytest.mark.parametrize('period', [1.0, 0.05])
def test_what_was_ended_is_called_no_more_and_the_others_are(graph, period):
    came: list[str] = []
    ends = [every(graph.node, period, lambda name=name: came.append(name)) for name in 'ab']
    graph.until(lambda: came.count('a') and came.count('b'))
    ends[0]()
    ends[0]() if period == 1.0 else None
    came.clear()
    graph.until(lambda: came.count('b') == 2)
    assert 'a' not in came


def test_one_that_ends_another_in_the_same_second_is_obeyed(graph):
    came: list[str] = []
    ends: list = []
    every(graph.node, 1.0, lambda: (came.append('a'), ends[0]()))
    ends.append(every(graph.node, 1.0, lambda: came.append('b')))
    every(graph.node, 1.0, lambda: came.append('c'))
    graph.until(lambda: came.count('c') == 2)
    assert came == ['a', 'c', 'a', 'c']


def test_a_fault_costs_its_own_turn_and_no_other(graph):
    came: list[str] = []
    FAULTS.forget()

    def fail():
        raise ValueError('no')

    every(graph.node, 1.0, fail)
    every(graph.node, 1.0, lambda: came.append('b'))
    graph.until(lambda: len(came) == 2)
    assert [count for kind, count in FAULTS.counts.items() if 'fail' in kind] == [2]


def test_long_ones_leave_turns_for_others_between_them(graph):
    turns: list[str] = []
    woken = graph.node.create_guard_condition(lambda: turns.append('woken'))

    def long(name: str) -> None:
        turns.append(name)
        woken.trigger()
        time.sleep(0.02)

    for name in 'abc':
        every(graph.node, 1.0, lambda name=name: long(name))
    graph.until(lambda: turns.count('woken') == 3)
    assert [turn for turn in turns if turn != 'woken'] == ['a', 'b', 'c']
    assert turns.index('woken') < turns.index('c')


def test_a_fault_is_its_owners_alone(graph):
    mine: list[BaseException] = []
    FAULTS.forget()

    def fail():
        raise ValueError('no')

    with owned_by(mine.append):
        every(graph.node, 1.0, fail)
    every(graph.node, 1.0, fail)
    graph.until(lambda: mine and FAULTS.counts)
    assert len(mine) == sum(FAULTS.counts.values()) == 1
