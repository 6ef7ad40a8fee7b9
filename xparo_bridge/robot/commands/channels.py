# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Decide which run may go when several want the same: the base, a gripper, or just each other.

| concurrency | while another run is on the channel |
|---|---|
| preempt | that one, and all that wait, are cancelled; it starts when these have ended, or \
takes over without a stop |
| queue | waits its turn, if there is room |
| reject | is rejected |
| parallel | does not care and is not cared about |

A tree that may move the base is on its channel too: a command from outside finds it there as it
would another run. A tree that begins preempts what it finds, as `preempt` does.

Nothing here acts on a run: each answer says what is to be done, and the router does it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ...behavior.ros.robot_commands import TREE
from ...messages import ErrorCode
from .run import Run, RunKind

# The channel of all that drive.
BASE = 'base'

AnyRun = Run[Any]


@dataclass(frozen=True)
class Start:
    """It starts now; those of `dropped` waited and lose their turn to it."""

    dropped: tuple[AnyRun, ...] = ()


@dataclass(frozen=True)
class Wait:
    """It waits for its turn."""


@dataclass(frozen=True)
class Preempt:
    """It waits until `holder`, or the tree if there is none, was cancelled and has ended."""

    holder: AnyRun | None
    dropped: tuple[AnyRun, ...] = ()


@dataclass(frozen=True)
class Busy:
    """It is not let in: `code` and words, and the run or tree that is in the way."""

    code: str
    message: str
    by: str


@dataclass(frozen=True)
class Follow:
    """What comes after the end of a run: `start` starts, `cancel` was taken over from and ends."""

    start: AnyRun | None = None
    cancel: AnyRun | None = None


class Channels:
    """Runs on their channels and those that wait; `moving` is the tree that moves the base."""

    def __init__(self) -> None:
        self._holders: dict[str, AnyRun] = {}
        self._waiting: dict[str, deque[AnyRun]] = {}

    def busy(self, run: AnyRun, moving: str) -> Busy | None:
        """Say why there is no room for a run now; None if there is."""
        settings, channel = kind_of(run).settings, kind_of(run).channel
        holder = self._holders.get(channel)
        tree = _tree_before(run, moving)
        if not (holder or tree) or settings['concurrency'] not in ('reject', 'queue'):
            return None
        waiting = len(self._waiting.get(channel, ()))
        if tree or holder is None:
            what = by = f'tree {tree}'
        else:
            what, by = f'{holder.command.command} {holder.id}', holder.id
        if settings['concurrency'] == 'reject':
            return Busy(ErrorCode.BUSY, f'{what} is under way', by)
        if waiting >= settings['queue']:
            return Busy(
                ErrorCode.QUEUE_FULL, f'{what} is under way and {waiting} wait already', by
            )
        return None

    def enter(self, run: AnyRun, moving: str) -> Start | Wait | Preempt | Busy:
        """Give a run its place, if there is room."""
        busy = None if run.urgent else self.busy(run, moving)
        if busy is not None:
            return busy
        kind = kind_of(run)
        concurrency, channel = kind.settings['concurrency'], kind.channel
        tree = _tree_before(run, moving)
        holder = self._holders.get(channel)
        if concurrency == 'parallel':
            return Start()
        if tree and concurrency == 'preempt':
            dropped = self._drop_waiting(channel)
            self._waiting[channel] = deque([run])
            return Preempt(None, dropped)
        if holder is None and not tree:
            self._holders[channel] = run
            return Start()
        if holder is None or concurrency != 'preempt':
            self._waiting.setdefault(channel, deque()).append(run)
            return Wait()
        dropped = self._drop_waiting(channel)
        if not holder.canceling and kind.takes_over(run, holder):
            run.replaces = holder
            self._holders[channel] = run
            return Start(dropped)
        self._waiting[channel] = deque([run])
        return Preempt(holder, dropped)

    def clear(self, channel: str) -> Preempt:
        """Take out what waits; the answer's `holder` is None if the channel is free."""
        return Preempt(self._holders.get(channel), self._drop_waiting(channel))

    def free(self, channel: str) -> bool:
        """Whether no run is on a channel."""
        return channel not in self._holders

    def following(self, channel: str, moving: str) -> Follow:
        """Give the channel to the run that waits first, if nothing is before it."""
        waiting = self._waiting.get(channel)
        if not waiting or channel in self._holders or _tree_before(waiting[0], moving):
            return Follow()
        self._holders[channel] = run = waiting.popleft()
        return Follow(start=run)

    def withdraw(self, run: AnyRun) -> bool:
        """Take a run out that still waits; whether it did."""
        try:
            self._waiting.get(kind_of(run).channel, deque()).remove(run)
        except ValueError:
            return False
        return True

    def leave(self, run: AnyRun, moving: str) -> Follow:
        """Take out a run that has ended, and say what comes next."""
        self.withdraw(run)
        channel = kind_of(run).channel
        holder = self._holders.get(channel)
        if holder is not run:
            while holder is not None:
                if holder.replaces is run:
                    holder.replaces = run.replaces
                holder = holder.replaces
            return Follow()
        del self._holders[channel]
        old = run.replaces
        if old is None or not old.open:
            return self.following(channel, moving)
        self._holders[channel] = old
        if self._waiting.get(channel):
            return Follow(cancel=old)
        if not old.canceling:
            # It was to be replaced by a run that never took over: it goes on as before.
            old.preempted_by = ''
        return Follow()

    def _drop_waiting(self, channel: str) -> tuple[AnyRun, ...]:
        return tuple(self._waiting.pop(channel, ()))


def kind_of(run: AnyRun) -> RunKind:
    """Return the kind of a run that was let in."""
    assert run.kind is not None
    return run.kind


def _tree_before(run: AnyRun, moving: str) -> str:
    """Return the tree that is before a run from outside on its channel; empty if there is none."""
    return moving if kind_of(run).channel == BASE and run.source != TREE else ''
