# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are late commands of a stream told from those of a clock that was set."""

from __future__ import annotations

import pytest

from xparo_bridge.robot.commands.kinds.lateness import LatencyFilter

DEADMAN = 0.5
PERIOD = 0.05


class Stream:
    """A sender with a clock of its own and a network with a delay, on made-up time."""

    def __init__(self):
        self.filter = LatencyFilter()
        self.now = 1000.0
        self.clock = 7.2e8
        self.number = 0

    def command(self, delay=0.03):
        """Send one; how late it is taken to be."""
        self.number += 1
        self.now += PERIOD
        jitter = 0.004 * (self.number % 5)
        return self.filter.excess(self.now + self.clock, self.now + delay + jitter)

    def refused(self, seconds, delay=0.03):
        """Until when in a time commands were refused last, s; 0 if none was."""
        last = 0.0
        for number in range(round(seconds / PERIOD)):
            if self.command(delay) > DEADMAN:
                last = (number + 1) * PERIOD
        return last


@pytest.mark.parametrize('step', [-3600.0, -86400.0 * 400, -10.0, -1.5, -0.7, 0.7, 1.5, 10.0, 1e7])
def test_a_clock_that_was_set_refuses_teleop_for_half_a_second_at_most(step):
    stream = Stream()
    assert stream.refused(5.0) == 0.0
    stream.clock += step
    assert stream.refused(30.0) <= 0.5
    # And what is late by the new clock is found out.
    assert stream.command(1.0) > DEADMAN


@pytest.mark.parametrize('step', [-1.5, -100.0, 1.5])
@pytest.mark.parametrize('pause', [3.0, 30.0])
def test_a_clock_that_was_set_in_a_pause_refuses_for_some_seconds(step, pause):
    stream = Stream()
    stream.refused(5.0)
    stream.now += pause
    stream.clock += step
    assert stream.refused(30.0) <= 2.5


@pytest.mark.parametrize('delay', [0.8, 1.5, 3.0, 10.0])
def test_what_a_network_kept_back_is_late_each_time(delay):
    stream = Stream()
    stream.refused(5.0)
    for _ in range(5):
        issued = [stream.now + PERIOD * number for number in range(round(delay / PERIOD))]
        arrival = stream.now + delay + 0.03
        late = [
            stream.filter.excess(each + stream.clock, arrival + 0.001 * number)
            for number, each in enumerate(issued)
        ]
        expected = [arrival + 0.001 * number - 0.03 - each for number, each in enumerate(issued)]
        for found, right in zip(late, expected, strict=True):
            assert found == pytest.approx(right, abs=0.06)
        stream.now += delay + 0.03
        assert stream.refused(1.0) == 0.0


def test_a_network_that_turns_slow_at_once_is_late_for_a_long_time():
    stream = Stream()
    stream.refused(5.0)
    assert all(stream.command(1.0) > DEADMAN for _ in range(200))


@pytest.mark.parametrize(
    'time', [1.79e12, 1e300, float('inf'), float('-inf'), float('nan'), -1e12]
)
@pytest.mark.parametrize('first', [True, False])
def test_one_time_that_is_none_spoils_nothing_for_the_others(time, first):
    stream = Stream()
    if not first:
        stream.refused(5.0)
    stream.filter.excess(time, stream.now)
    assert stream.refused(10.0) <= (0.5 if first else 0.0)
    stream.filter.excess(time, stream.now)
    assert stream.command(1.0) > DEADMAN


def test_drift_of_a_clock_is_followed():
    stream = Stream()
    for _ in range(20 * 120):
        stream.clock -= PERIOD * 200e-6
        assert stream.command() < 0.1
