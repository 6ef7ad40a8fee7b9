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
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .kind import Kind
from .run import Run


class Channels:
    """Runs on their channels and those that wait."""

    def __init__(self, start: Callable[[Run], None], cancel: Callable[[Run], None]) -> None:
        self._start = start
        self._cancel = cancel
        self._holding: dict[str, Run] = {}
        self._waiting: dict[str, deque[Run]] = {}

    def refuse(self, run: Run, kind: Kind) -> None:
        """Reject a run for which there is no room now."""
        holder = self._holding.get(kind.channel)
        if holder is None or kind.settings['concurrency'] not in ('reject', 'queue'):
            return
        waiting = len(self._waiting.get(kind.channel, ()))
        under_way = f'{holder.command.command} {holder.id} is under way'
        if kind.settings['concurrency'] == 'reject':
            run.reject('busy', under_way, by=holder.id)
        elif waiting >= kind.settings['queue']:
            run.reject('queue_full', f'{under_way} and {waiting} wait already', by=holder.id)

    def enter(self, run: Run, kind: Kind) -> None:
        """Start a run, now or when its turn comes."""
        concurrency = kind.settings['concurrency']
        holder = self._holding.get(kind.channel)
        if concurrency == 'parallel':
            self._start(run)
        elif holder is None:
            self._holding[kind.channel] = run
            self._start(run)
        elif concurrency == 'preempt':
            self._preempt(holder, run, kind)
        else:
            self._waiting.setdefault(kind.channel, deque()).append(run)

    def _preempt(self, holder: Run, run: Run, kind: Kind) -> None:
        for other in self._waiting.pop(kind.channel, ()):
            other.preempted_by = run.id
            other.canceled('')
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
        elif waiting:
            following = waiting.popleft()
            self._holding[channel] = following
            self._start(following)
