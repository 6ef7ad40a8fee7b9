# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Call the code of a kind for a run, so that a fault in it ends that run and nothing else.

A kind is others' code too. What it does for a run, and the callbacks that it makes meanwhile,
belong to that run: an exception of any class fails it as `internal_error`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...faults import FAULTS
from ...messages import ErrorCode
from ...ros.walls import owned_by
from .kind import Kind
from .run import Run


class RunWall:
    """The wall around what kinds do for their runs."""

    def __init__(self, kinds: Mapping[str, Kind[Any]]) -> None:
        """Take the kinds by the names of their commands."""
        self._kinds = kinds

    def guarded(self, run: Run[Any], do: Callable[[Run[Any]], object]) -> None:
        """Do something for a run; a fault in it, or in a callback it makes, ends that run only."""
        with owned_by(lambda error: self._fault(run, error)):
            try:
                do(run)
            except BaseException as error:  # SystemExit of a library, for instance.
                self._fault(run, error)

    def ask(self, run: Run[Any], ask: Callable[[Run[Any]], bool]) -> bool:
        """Ask a kind of a run; True after a fault, because that has ended the run."""
        answers: list[bool] = []
        self.guarded(run, lambda run: answers.append(ask(run)))
        return answers[0] if answers else True

    def _fault(self, run: Run[Any], error: BaseException) -> None:
        """End a run after a fault, and keep what it has begun from going on."""
        text = FAULTS.note(f'the command {run.command.command}', error)
        if not run.open:
            return
        run.fail(ErrorCode.INTERNAL_ERROR, text)
        kind = self._kinds.get(run.command.command)
        if run.started and kind is not None:
            try:
                kind.abandon(run)
            except BaseException as further:  # Whatever it is, the run has ended.
                FAULTS.note(f'the end of {run.command.command} after a fault', further)
