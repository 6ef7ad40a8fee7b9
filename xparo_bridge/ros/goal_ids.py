# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Gives goals ids by which a later run of the same bridge knows them again.

What is written down of a goal may be lost with a process that is killed the moment it sent it.
The id is at the server in any case: 6 bytes of the bridge, 4 of the run, 6 of chance.
"""

from __future__ import annotations

import secrets

MARK_LENGTH = 6
_RUN_LENGTH = 4
_LENGTH = 16


class GoalIds:
    """The ids of the goals that this process sends."""

    def __init__(self) -> None:
        """Begin with a mark that nobody knows."""
        self.begin(secrets.token_bytes(MARK_LENGTH))

    def begin(self, mark: bytes) -> None:
        """Begin a run of the bridge that has this mark."""
        self._mark = mark
        self._run = secrets.token_bytes(_RUN_LENGTH)

    def new(self) -> bytes:
        """Return the id of a new goal."""
        chance = secrets.token_bytes(_LENGTH - MARK_LENGTH - _RUN_LENGTH)
        return self._mark + self._run + chance

    def of_earlier_run(self, goal_id: bytes) -> bool:
        """Whether a goal was sent by an earlier run of this bridge."""
        run = goal_id[MARK_LENGTH : MARK_LENGTH + _RUN_LENGTH]
        return goal_id[:MARK_LENGTH] == self._mark and run != self._run


GOAL_IDS = GoalIds()
