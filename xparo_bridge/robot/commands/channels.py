# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which run may go when several want the same: the robot's base, a gripper, or just each other.

| concurrency | while another run is on the channel |
|---|---|
| preempt | that one, and all that wait, are cancelled; it starts when these have ended, or \
takes over without a stop |
| queue | waits its turn, if there is room |
| reject | is rejected |
| parallel | does not care and is not cared about |

A tree that may move the base is on its channel too: a command from outside finds it there as it
would another run. A tree that begins preempts what it finds, as `preempt` does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...behavior.ros.robot_commands import TREE
from .kind import Kind
from .run import Run

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees

# The channel of all that drive.
BASE = 'base'


class Channels:
    """Runs on their channels and those that wait."""

    def __init__(
        self, start: Callable[[Run], None], cancel: Callable[[Run], None], trees: Trees
    ) -> None:
        self._start = start
        self._cancel = cancel
        self._trees = trees
        self._holding: dict[str, Run] = {}
        self._waiting: dict[str, deque[Run]] = {}

    def refuse(self, run: Run, kind: Kind) -> None:
        """Reject a run for which there is no room now."""
        holder = self._holding.get(kind.channel)
        tree = self._tree_before(run, kind.channel)
        if not (holder or tree) or kind.settings['concurrency'] not in ('reject', 'queue'):
            return
        waiting = len(self._waiting.get(kind.channel, ()))
        what, by = (
            (tree, tree)
            if tree or not holder
            else (f'{holder.command.command} {holder.id}', holder.id)
        )
        if kind.settings['concurrency'] == 'reject':
            run.reject('busy', f'{what} is under way', by=by)
        elif waiting >= kind.settings['queue']:
            run.reject('queue_full', f'{what} is under way and {waiting} wait already', by=by)

    def enter(self, run: Run, kind: Kind) -> None:
        """Start a run, now or when its turn comes."""
        concurrency = kind.settings['concurrency']
        holder = self._holding.get(kind.channel)
        tree = self._tree_before(run, kind.channel)
        if concurrency == 'parallel':
            self._start(run)
        elif tree and concurrency == 'preempt':
            self._drop_waiting(kind.channel, run.id)
            self._waiting[kind.channel] = deque([run])
            self._trees.preempt(run.id)
        elif holder is None and not tree:
            self._holding[kind.channel] = run
            self._start(run)
        elif holder is not None and concurrency == 'preempt':
            self._preempt(holder, run, kind)
        else:
            self._waiting.setdefault(kind.channel, deque()).append(run)

    def clear(self, channel: str, by: str) -> bool:
        """Cancel what is on a channel and what waits for it; whether it is free."""
        self._drop_waiting(channel, by)
        holder = self._holding.get(channel)
        if holder is not None:
            holder.preempted_by = by
            self._cancel(holder)
        return channel not in self._holding

    def go_on(self, channel: str) -> None:
        """Start the next run that waits, if nothing is before it."""
        waiting = self._waiting.get(channel)
        if waiting and channel not in self._holding and not self._tree_before(waiting[0], channel):
            self._holding[channel] = following = waiting.popleft()
            self._start(following)

    def _tree_before(self, run: Run, channel: str) -> str:
        """Which tree is on a channel that a run from outside wants; '' if there is none."""
        name = self._trees.moving if channel == BASE and run.source != TREE else ''
        return name and f'tree {name}'

    def _drop_waiting(self, channel: str, by: str) -> None:
        for other in self._waiting.pop(channel, ()):
            other.preempted_by = by
            other.canceled('')

    def _preempt(self, holder: Run, run: Run, kind: Kind) -> None:
        self._drop_waiting(kind.channel, run.id)
        holder.preempted_by = run.id
        if not holder.canceling and kind.takes_over(run, holder):
            run.replaces = holder
            self._holding[kind.channel] = run
            self._start(run)
        else:
            self._waiting[kind.channel] = deque([run])
            self._cancel(holder)

    def withdraw(self, run: Run, kind: Kind) -> bool:
        """Take a run out that still waits; whether it did."""
        try:
            self._waiting.get(kind.channel, deque()).remove(run)
        except ValueError:
            return False
        return True

    def leave(self, run: Run, kind: Kind) -> None:
        """Let the next one go after a run has ended."""
        self.withdraw(run, kind)
        channel = kind.channel
        holder = self._holding.get(channel)
        if holder is not run:
            while holder is not None:
                if holder.replaces is run:
                    holder.replaces = run.replaces
                holder = holder.replaces
            return
        del self._holding[channel]
        old = run.replaces
        waiting = self._waiting.get(channel)
        if old is not None and old.open:
            self._holding[channel] = old
            if waiting:
                self._cancel(old)
            elif not old.canceling:
                # It was to be replaced by a run that never took over: it goes on as before.
                old.preempted_by = ''
        else:
            self.go_on(channel)
