# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `list_commands`: the menu, with schemas a console can draw forms from."""

from __future__ import annotations

from ..kind import Kind, settings
from ..run import Run


class ListCommands(Kind[None]):
    """Result: `commands`, {name: {kind, description, parameters}}, and the names of `places`."""

    settings_schema = settings()

    def start(self, run: Run[None]) -> None:
        run.succeed({'commands': self.robot.runs.menu(), 'places': self.robot.places.names})
