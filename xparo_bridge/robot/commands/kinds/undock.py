# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `undock`: off the charging dock, with Nav2's docking server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nav2_msgs.action import UndockRobot

from ..action_kind import ActionKind, ActiveGoal, Target
from ..docking import docking_settings
from ..kind import Robot
from ..run import Rejection, Run


class Undock(ActionKind):
    """Drives the robot off its dock."""

    settings_schema = docking_settings('undock_robot', 60.0)

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot, {settings['action']: UndockRobot})

    def target(self, run: Run[ActiveGoal]) -> Target | Rejection:
        return Target(
            self.settings['action'], UndockRobot.Goal(dock_type=self.settings['dock_type'])
        )
