# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `list_commands`: the menu, with schemas a console can draw forms from."""

from __future__ import annotations

from ..kind import Kind, settings
from ..run import Run


class ListCommands(Kind[None]):
    """
    List what can be commanded.

    Result: `commands`, {name: {kind, description, parameters}}, the names of `places`, and
    `place_poses`, {name: {x, y, yaw, frame}} in m and rad.

    A console needs all of it to draw what it offers, so it may be larger than other answers: what
    the owner configured, and places that were saved, of which there are a thousand at most.
    """

    asks = True

    settings_schema = settings()
    largest_answer = 512_000

    def start(self, run: Run[None]) -> None:
        places = self.robot.places
        run.succeed(
            {
                'commands': self.robot.runs.menu(),
                'places': places.names,
                'place_poses': {name: dict(places[name]) for name in places.names},
            }
        )
