# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Hold the runs that have not ended: cancel, pause and resume them, and time them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import time
from typing import Any

from .channels import Channels, Preempt
from .kind import Kind
from .run import Run
from .run_wall import RunWall

AnyRun = Run[Any]


class OpenRuns:
    """The open runs by their keys, oldest first; on the ROS thread."""

    def __init__(self, kinds: Mapping[str, Kind[Any]], channels: Channels) -> None:
        """Take the kinds by the names of their commands, and where runs wait for their turn."""
        self.by_key: dict[str, AnyRun] = {}
        self._kinds = kinds
        self._channels = channels
        self._wall = RunWall(kinds)
        self._polled_at = time.monotonic()

    def __len__(self) -> int:
        return len(self.by_key)

    def __iter__(self) -> Iterator[AnyRun]:
        """Iterate over those that are open now, whatever becomes of them meanwhile."""
        return iter(list(self.by_key.values()))

    def moving(self) -> Iterator[AnyRun]:
        """Iterate over those that may move the robot now."""
        return (run for run in self if run.started and run.kind is not None and run.kind.motion)

    def guarded(self, run: AnyRun, do: Callable[[AnyRun], object]) -> None:
        """Do something for a run; a fault in it, or in a callback it makes, ends that run only."""
        self._wall.guarded(run, do)

    def begin(self, run: AnyRun) -> None:
        """Have the kind of a run start it."""
        kind = self._kinds[run.command.command]
        run.started = True
        run.give_up_at = time.monotonic() + kind.timeout
        self.guarded(run, kind.start)

    def cancel(self, run: AnyRun) -> None:
        """Begin to end a run as canceled."""
        if not run.open or run.canceling or run.kind is None:
            return
        run.canceling = True
        if run.started:
            self.guarded(run, self._kinds[run.command.command].cancel)
        else:
            self._channels.withdraw(run)
            run.canceled('cancelled before it began')

    def drop(self, dropped: Iterable[AnyRun], by: str) -> None:
        """End runs that waited, in favour of what takes their place, named `by`."""
        for run in dropped:
            run.preempted_by = by
            run.canceled()

    def preempt(self, place: Preempt, by: str) -> None:
        """End what has a channel in favour of what takes its place, named `by`."""
        self.drop(place.dropped, by)
        if place.holder is not None:
            place.holder.preempted_by = by
            self.cancel(place.holder)

    def pause(self, run: AnyRun) -> bool:
        """Begin to pause a run until it is resumed; False if that cannot be done."""
        return self._wall.ask(run, self._kinds[run.command.command].pause)

    def idle(self, run: AnyRun) -> bool:
        """Whether a run that is to be paused no longer moves the robot."""
        return self._wall.ask(run, self._kinds[run.command.command].idle)

    def resume(self) -> list[AnyRun]:
        """Let what was paused go on; the runs that do."""
        resumed = [run for run in self if run.paused]
        for run in resumed:
            self.guarded(run, self._kinds[run.command.command].resume)
        return resumed

    def cancel_unpaused(self, *, obeyed: bool) -> list[str]:
        """
        Cancel what moves the robot though it was paused; returns what it is called.

        With `obeyed` also what was to be paused and still moves the robot.
        """
        left = [
            run
            for run in self.moving()
            if not run.canceling
            if not run.paused or (obeyed and not self.idle(run))
        ]
        for run in left:
            self.cancel(run)
        return [f'{run.command.command} {run.id}' for run in left]

    def lose(self, source: str) -> None:
        """End at once what only goes on while its sender is there."""
        for run in self:
            if run.source == source and run.kind is not None and run.kind.streams:
                self.cancel(run)

    def rested(self) -> None:
        """Note that nothing polled for a while, in which no pause went by."""
        self._polled_at = time.monotonic()

    def poll(self) -> None:
        """Have each look after itself, and cancel what takes too long; a few times a second."""
        now = time.monotonic()
        # Not the period of a timer: on a busy machine, or after a rest, it comes later.
        elapsed, self._polled_at = now - self._polled_at, now
        for run in self:
            run.flush_progress(now)
            if not run.open or not run.started:
                continue
            kind = self._kinds[run.command.command]
            self.guarded(run, kind.poll)
            if run.paused:
                run.give_up_at += elapsed
            elif run.open and now > run.give_up_at and not run.overdue:
                run.overdue = f'not done within {kind.timeout:g} s'
                self.cancel(run)
