# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How a run ended, and the exit code of several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .timeline import Timeline

PASSED, FAILED, COULD_NOT_START, NOT_EXECUTED = range(4)
STATES = ('passed', 'FAILED', 'COULD NOT START', 'NOT EXECUTED')


@dataclass
class Problem:
    """Something that was not as expected: where it stands in the file, and when it was, s."""

    where: str
    text: str
    said: str
    at: float = 0.0


@dataclass
class Verdict:
    """How one run of one scenario ended."""

    name: str
    state: int
    seed: int
    problems: list[Problem] = field(default_factory=list)
    cause: str = ''
    seconds: float = 0.0  # of the world's time
    wall: float = 0.0  # of real time
    factor: float = 0.0  # how much faster than real time the steps were
    folder: Path | None = None
    timeline: Timeline = field(default_factory=Timeline, repr=False)
    steps: int = 0  # how many were played to their end

    @property
    def passed(self) -> bool:
        """Whether all came about."""
        return self.state == PASSED

    @property
    def line(self) -> str:
        """All of it in a line."""
        said = f'{STATES[self.state]} {self.name}'
        if self.state == PASSED:
            return f'{said} ({self.seconds:.1f} s, {self.wall:.1f} s of real time)'
        first = self.problems[0] if self.problems else None
        if first is None:
            return f'{said}: {self.cause}'
        cause = f' ({self.cause})' if self.cause else ''
        place = f'{first.where}: ' if first.where else ''
        return f'{said}: {place}{first.text + ": " if first.text else ""}{first.said}{cause}'


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return 1 if any failed, else 2 if any could not start, else 3 if any was not executed."""
    states = {verdict.state for verdict in verdicts}
    for state in (FAILED, COULD_NOT_START, NOT_EXECUTED):
        if state in states:
            return state
    return PASSED if states else NOT_EXECUTED
