# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator's connection uses of the platform and of a robot's connection."""

from __future__ import annotations

from typing import Any, Protocol

from .platform_history import History
from .platform_people import People
from .platform_rest import RestApi
from .platform_store import EventLog, RobotRecord
from .teleop_lease import Leases


class Robot(Protocol):
    """What an operator uses of a robot's connection."""

    socket: Any
    record: RobotRecord
    reports: str
    carries_parameters: bool

    def frame(self, kind: str, data: dict[str, Any]) -> str:
        """
        Return the frame that carries a message of the documented kinds to this robot.

        :raises ValueError: if its API has none for it
        """


class Platform(Protocol):
    """What an operator uses of the platform."""

    project_id: str
    events: EventLog
    robots: dict[str, RobotRecord]
    history: History
    people: People
    leases: Leases
    rest: RestApi

    def connection(self, robot: str | None) -> Any:
        """Return the newest connection of a robot, or the only robot's."""

    def open_connections(self, record: RobotRecord) -> int:
        """Return how many connections have a robot's name now."""

    async def send(self, connection: Any, frame: str | bytes, operator: str = '') -> None:
        """Send a frame to a robot and note it."""

    def send_away(self) -> None:
        """Close the connections of persons whose tokens count no more."""

    def stall(self, connection: Any, on: bool) -> None:
        """Stop reading from a robot, or go on."""
