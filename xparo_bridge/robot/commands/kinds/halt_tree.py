# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `halt_tree`: halt the behaviour tree that runs."""

from __future__ import annotations

from ....behavior.ros.tree_run import TreeRun
from ....messages import ErrorCode
from ..kind import Kind, settings
from ..run import Rejection, Run


class HaltTree(Kind[TreeRun | None]):
    """Succeeds when everything the tree had begun has ended; rejected if no tree runs."""

    settings_schema = settings(timeout=15.0)

    def prepare(self, run: Run[TreeRun | None]) -> Rejection | None:
        return Rejection(ErrorCode.NO_TREE, 'no tree runs') if self.robot.trees.idle else None

    def start(self, run: Run[TreeRun | None]) -> None:
        run.work = self.robot.trees.halt()
        self.poll(run)

    def poll(self, run: Run[TreeRun | None]) -> None:
        if run.work is None or run.work.state.ended:
            run.succeed({'tree_name': run.work.name} if run.work else None)
