# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a lock that is not known a stop, and is it said of each state why nothing may move."""

from __future__ import annotations

import pytest

from xparo_bridge.robot.commands.motion_lock import LockState, MotionLock

AFTER = 'it moves again after the command resume'
UNKNOWN = 'it is not known whether the robot was stopped'


class Record:
    """What an earlier bridge left, in memory."""

    def __init__(self, value: str, damaged: str) -> None:
        self.value, self.damaged = value, damaged

    def set(self, value: str) -> None:  # noqa: A003
        self.value = value


@pytest.mark.parametrize(
    ('value', 'damaged', 'state', 'words'),
    [
        ('', '', LockState.NONE, ''),
        ('stopped', '', LockState.STOPPED, f'the robot was stopped; {AFTER}'),
        ('paused', '', LockState.PAUSED, f'the robot is paused; {AFTER}'),
        ('free', '', LockState.STOPPED, f'{UNKNOWN} ("free" is no state of the lock); {AFTER}'),
        ('', 'the file is gone', LockState.STOPPED, f'{UNKNOWN} (the file is gone); {AFTER}'),
        ('paused', 'a wrong sum', LockState.STOPPED, f'{UNKNOWN} (a wrong sum); {AFTER}'),
        ('free', 'a wrong sum', LockState.STOPPED, f'{UNKNOWN} (a wrong sum); {AFTER}'),
    ],
)
def test_what_an_earlier_bridge_left_is_taken_up_and_what_is_not_known_is_a_stop(
    value, damaged, state, words
):
    record = Record(value, damaged)
    lock = MotionLock(record)
    assert (lock.state, lock.words) == (state, words)
    assert lock.locked is (state is not LockState.NONE)
    assert lock.stopped is (state is LockState.STOPPED)
    assert lock.paused is (state is LockState.PAUSED)
    # The next bridge may find nothing damaged any more.
    assert record.value == state.value
    lock.set(LockState.NONE)
    assert (lock.locked, lock.doubt, lock.words, record.value) == (False, '', '', '')


def test_what_came_before_the_latest_stop_is_known_whatever_is_set_after():
    record = Record('', '')
    lock = MotionLock(record)
    assert not lock.came_before_stop(0.0)
    lock.stop(10.0)
    lock.stop(5.0)  # It was handed over later, and came earlier.
    assert (lock.state, record.value) == (LockState.STOPPED, 'stopped')
    lock.set(LockState.NONE)
    assert [lock.came_before_stop(at) for at in (5.0, 9.9, 10.0)] == [True, True, False]
