# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
SubTree: another tree of the document, with a blackboard of its own.

The result is that of the other tree. Its attributes connect keys of the two blackboards; see
`builder` for how.
"""

from __future__ import annotations

from ..node import FAILURE, IDLE, RUNNING, SUCCESS
from ..status import NodeKind, NodeStatus
from .decorator import Decorator


class SubTree(Decorator):
    """Runs another tree."""

    KIND = NodeKind.SUBTREE

    def on_tick(self) -> NodeStatus:
        if self._state is IDLE:
            self.set_status(RUNNING)
        status = self.children[0].execute_tick()
        if status is SUCCESS or status is FAILURE:
            self.reset_child()
        return status
