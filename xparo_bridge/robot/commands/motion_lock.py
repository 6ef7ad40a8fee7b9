# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
May the robot be moved: the lock that `stop` and `pause` set and `resume` takes off.

It fails safe: where it is not known what an earlier bridge left, the robot counts as stopped.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class LockState(StrEnum):
    """What locks the robot's motion; the values are those of the platform's `latch`."""

    NONE = ''
    STOPPED = 'stopped'
    PAUSED = 'paused'


_WORDS = {
    LockState.STOPPED: 'the robot was stopped; it moves again after the command resume',
    LockState.PAUSED: 'the robot is paused; it moves again after the command resume',
}


class LockRecord(Protocol):
    """Keeps the lock over a restart."""

    @property
    def value(self) -> str:
        """What was kept last, a value of LockState."""

    @property
    def damaged(self) -> str:
        """Why it is not known what was kept last; empty if it is, and at a first start."""

    def set(self, value: str) -> None:  # noqa: A003
        """Keep a value of LockState; never waits for the disk."""


class MotionLock:
    """The lock; it is kept over restarts."""

    def __init__(self, record: LockRecord) -> None:
        """Take what an earlier bridge left."""
        self._record = record
        # Why the robot counts as stopped though nobody of this bridge stopped it.
        self.doubt = record.damaged
        try:
            self.state = LockState(record.value)
        except ValueError:
            self.doubt = self.doubt or f'"{record.value}" is no state of the lock'
        if self.doubt:
            self.state = LockState.STOPPED
            record.set(self.state.value)  # The next bridge may find nothing damaged any more.
        # When the last stop came, on the monotonic clock, s.
        self._stopped_at = float('-inf')

    def set(self, state: LockState) -> None:  # noqa: A003
        """Stop, pause or free the robot; it stays so over a restart."""
        self.state = state
        self.doubt = ''
        self._record.set(state.value)

    def stop(self, received_at: float) -> None:
        """Stop the robot, by a command that came at `received_at` on the monotonic clock, s."""
        self._stopped_at = max(self._stopped_at, received_at)
        self.set(LockState.STOPPED)

    def came_before_stop(self, received_at: float) -> bool:
        """Whether a command came before the last stop, whenever it is looked at."""
        return received_at < self._stopped_at

    @property
    def locked(self) -> bool:
        """Whether no new command may move the robot."""
        return self.state is not LockState.NONE

    @property
    def stopped(self) -> bool:
        """Whether the robot was stopped."""
        return self.state is LockState.STOPPED

    @property
    def paused(self) -> bool:
        """Whether the robot is paused."""
        return self.state is LockState.PAUSED

    @property
    def words(self) -> str:
        """Why nothing may move the robot; empty if it may."""
        if self.doubt:
            return (
                f'it is not known whether the robot was stopped ({self.doubt}); '
                'it moves again after the command resume'
            )
        return _WORDS.get(self.state, '')
