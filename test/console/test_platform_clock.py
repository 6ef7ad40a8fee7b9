# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what is old known to be old, whatever the clocks of the two machines say."""

from __future__ import annotations

import math
import time

import pytest

from xparo_bridge.console.driving import OLDEST_SIGHT, Sight
from xparo_bridge.console.feed import Feed
from xparo_bridge.console.platform_clock import PlatformClock


def sight_with(clock_ahead: float) -> Sight:
    """Of a robot on a platform whose clock is ahead of this machine's, s; all is fresh."""

    async def nobody(**_: object) -> None:
        raise OSError

    feed = Feed(nobody)  # type: ignore[arg-type]
    feed.problem = ''
    feed.clock.set(time.time() + clock_ahead, time.monotonic())
    view = feed._robot('r1')
    view.connected = True
    sight = Sight(feed, view, camera=True)
    hear(sight, time.time() + clock_ahead)
    return sight


def hear(sight: Sight, moment: float, stamp: float = 1.0) -> None:
    pose = {'x': 0.0, 'y': 0.0, 'yaw': 0.0}
    data = {'pose': pose, 'image': {'format': 'jpeg', 'stamp': stamp, 'data': ''}}
    sight.view.on_event({'event': 'received', 'type': 'telemetry', 'data': data, 'time': moment})


@pytest.mark.parametrize('ahead', [0.0, 3600.0, -3600.0, 10.0, -10.0])
def test_a_clock_that_is_ahead_or_behind_changes_no_age(ahead):
    sight = sight_with(ahead)
    assert sight.problem == ''
    assert sight.age == pytest.approx(0.0, abs=0.2)
    hear(sight, time.time() + ahead - 7.0, stamp=2.0)
    assert sight.age == pytest.approx(7.0, abs=0.2)
    assert sight.problem == 'the robot said where it is and how fast 7 s ago'


@pytest.mark.parametrize('step', [3600.0, -3600.0, 5.0, -5.0])
def test_a_clock_that_is_set_locks_the_stick_until_it_is_known_again(step):
    sight = sight_with(0.0)
    hear(sight, time.time() + step, stamp=2.0)  # The platform's clock was set.
    assert sight.problem != ''
    sight.feed.clock.set(time.time() + step, time.monotonic())  # Asked again, as it is each 2 s.
    assert sight.problem == ''
    sight.view.times.update(dict.fromkeys(sight.view.times, time.time()))  # As before it was set.
    assert sight.problem != ''


def test_an_answer_that_waited_long_says_nothing_of_the_time():
    clock = PlatformClock()
    clock.set(1000.0, time.monotonic() - 0.1)
    before = clock.now
    clock.set(5000.0, time.monotonic() - 3.0)  # Behind pictures on a slow line.
    assert clock.now == pytest.approx(before, abs=0.1)
    clock.begin_again()
    clock.set(5000.0, time.monotonic() - 3.0)  # Better than nothing.
    assert clock.now == pytest.approx(5001.5, abs=0.1)


def test_what_lies_ahead_is_of_no_known_age():
    clock = PlatformClock()
    clock.set(1000.0, time.monotonic())
    assert clock.age(1000.2) == 0.0
    assert clock.age(1010.0) == math.inf


def test_a_picture_that_comes_again_is_as_old_as_it_was():
    sight = sight_with(0.0)
    now = time.time()
    hear(sight, now - 5.0, stamp=2.0)
    hear(sight, now, stamp=2.0)  # A camera that hangs, whose driver says its last again.
    assert sight.picture_age == pytest.approx(5.0, abs=0.2)
    assert sight.problem.startswith('the picture came 5 s ago; end watching')
    hear(sight, now, stamp=2.1)
    assert sight.problem == ''
    hear(sight, now, stamp=0.0)  # Of a driver that stamps nothing it is not known.
    hear(sight, now, stamp=0.0)
    assert sight.problem == ''


def test_a_picture_is_waited_for_while_it_is_watched():
    sight = sight_with(0.0)
    del sight.view.telemetry['image'], sight.view.times['image']
    assert sight.problem == 'no picture has come; end watching it to drive without'
    sight.camera = False
    assert sight.problem == ''
    assert 0.0 < OLDEST_SIGHT <= 3.0
