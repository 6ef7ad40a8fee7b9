# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Remember cancels that were handed over ahead of the commands they select."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ...messages import ErrorCode
from .run import Rejection, Run

# How many of the last cancels are kept in mind, and how many wait for what they overtook.
_MOST = 64
# How many runs of those it overtook a cancel reports.
_TOLD = 1000


class LateCancels:
    """The last cancels, by when they were received on the monotonic clock, s."""

    def __init__(self) -> None:
        self._cancels: deque[tuple[Run[Any], Callable[[Run[Any]], bool], list[Run[Any]]]] = deque(
            maxlen=_MOST
        )
        # Up to when all that was received by a source, or any (None), is here.
        self._reached: dict[str | None, float] = {}
        self._waiting: list[Run[Any]] = []

    def add(self, run: Run[Any], selects: Callable[[Run[Any]], bool]) -> list[Run[Any]]:
        """Keep a cancel in mind, and which runs it is for; those it ends come into the list."""
        ended: list[Run[Any]] = []
        self._cancels.append((run, selects, ended))
        return ended

    def apply_to(self, run: Run[Any]) -> bool:
        """Whether a cancel that was received after a run, but read before it, was for it too."""
        found = False
        if run.urgent:
            return False
        for cancel, selects, ended in self._cancels:
            if run.command.received_at < cancel.command.received_at and selects(run):
                found = True
                if len(ended) < _TOLD:
                    ended.append(run)
        return found

    def overtakes(self, run: Run[Any]) -> bool:
        """Whether a run was handed over before what came before it, and that is not here yet."""
        command = run.command
        reached = max(self._reached.get(run.source, 0.0), self._reached.get(None, 0.0))
        return command.ahead and command.received_at > reached

    def keep(self, run: Run[Any], rejection: Rejection) -> bool:
        """Keep a cancel that selects nothing yet until its turn: what it is for may precede it."""
        waits = (
            rejection.code == ErrorCode.NOTHING_TO_CANCEL
            and self.overtakes(run)
            and len(self._waiting) < _MOST
        )
        if waits:
            self._waiting.append(run)
        return waits

    def reach(self, source: str | None, received_at: float) -> list[Run[Any]]:
        """Note that the turn of what came by a source, None for all, has come; whose it was."""
        self._reached[source] = max(received_at, self._reached.get(source, 0.0))
        reached = [run for run in self._waiting if not self.overtakes(run)]
        self._waiting = [run for run in self._waiting if self.overtakes(run)]
        return reached
