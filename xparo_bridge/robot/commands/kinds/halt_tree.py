# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `halt_tree`: halt the behaviour tree that runs."""

from __future__ import annotations

from ..kind import Kind, settings
from ..run import Run


class HaltTree(Kind):
    """Succeeds when everything the tree had begun has ended; rejected if no tree runs."""

    settings_schema = settings(timeout=15.0)

    def prepare(self, run: Run) -> None:
        if self.robot.trees.idle:
            run.reject('no_tree', 'no tree runs')

    def start(self, run: Run) -> None:
        run.data = self.robot.trees.halt()
        self.poll(run)

    def poll(self, run: Run) -> None:
        if run.data is None or run.data.state.ended:
            run.succeed({'tree_name': run.data.name} if run.data else None)
