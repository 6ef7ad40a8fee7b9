# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `list_trees`: tell which behaviour trees the robot knows."""

from __future__ import annotations

from ..kind import Kind, settings
from ..run import Run


class ListTrees(Kind[None]):
    """Succeeds with each tree's name, hash, whether it is the robot's own and whether it runs."""

    settings_schema = settings()

    def start(self, run: Run[None]) -> None:
        run.succeed({'trees': self.robot.trees.listing()})
