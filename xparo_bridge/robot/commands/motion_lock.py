# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""May the robot be moved: the lock that `stop` and `pause` set and `resume` takes off."""

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


class LockStore(Protocol):
    """Keeps the lock over a restart."""

    @property
    def latch(self) -> str:
        """What was kept last, a value of LockState."""

    def set_latch(self, latch: str) -> None:
        """Keep a value of LockState."""


class MotionLock:
    """The lock; it is kept over restarts."""

    def __init__(self, store: LockStore) -> None:
        """Take what an earlier bridge left."""
        self._store = store
        self.state = LockState(store.latch)

    def set(self, state: LockState) -> None:  # noqa: A003
        """Stop, pause or free the robot; it stays so over a restart."""
        self.state = state
        self._store.set_latch(state.value)

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
        return _WORDS.get(self.state, '')
