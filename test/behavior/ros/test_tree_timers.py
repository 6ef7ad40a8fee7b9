# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the timers of trees run only while there is something to do."""

from __future__ import annotations

import time
from typing import Any

from fixtures.ros_graph import RosGraph
import pytest

from xparo_bridge.behavior.ros.tree_timers import TickTimers


@pytest.fixture
def graph():
    with RosGraph() as graph:
        yield graph


def made_of(graph: RosGraph, called: list[Any], *, simulated: bool) -> TickTimers:
    """Timers that note what they call."""
    return TickTimers(
        graph.node,
        0.2,
        tick=lambda: called.append('tick'),
        poll=lambda: called.append('poll'),
        deadline=lambda: called.append('deadline'),
        simulated=simulated,
    )


@pytest.mark.parametrize('simulated', [False, True])
def test_a_timer_runs_from_when_it_is_asked_to_until_it_is_not(graph, simulated):
    before = set(graph.node.timers)
    called: list[Any] = []
    timers = made_of(graph, called, simulated=simulated)

    def running() -> list[float]:
        """Periods, s, of the timers that run."""
        made = set(graph.node.timers) - before
        assert len(made) == 3
        periods = [timer.timer_period_ns / 1e9 for timer in made if not timer.is_canceled()]
        return sorted(periods)

    def tick_in(seconds: float | None) -> None:
        timers.tick_in(None if seconds is None else 100.0 + seconds, lambda: 100.0)

    assert running() == []
    timers.tick()
    assert running() == [5.0]
    tick_in(2.0)
    assert running() == [2.0, 5.0]
    tick_in(7.0)  # The next tick comes before.
    assert running() == [5.0]
    tick_in(0.5)
    tick_in(None)
    assert running() == [5.0]
    tick_in(3.0)
    timers.stop_ticking()
    assert running() == []
    timers.poll()
    assert running() == [0.1]
    timers.stop_polling()
    assert running() == []
    assert called == []


def test_a_deadline_is_reached_once(graph):
    called: list[Any] = []
    timers = made_of(graph, called, simulated=False)
    timers.tick_in(time.monotonic() + 0.02, time.monotonic)
    timers.poll()
    graph.until(lambda: called.count('poll') == 3)
    assert [each for each in called if each != 'poll'] == ['deadline']
