# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a kind of command is.

A kind is one class in one file, found through the entry-point group `xparo_bridge.commands`; each
command of the configuration is one object of it. `settings_schema` checks its entry in the
configuration, `parameters_schema` what the platform sends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TYPE_CHECKING

from rclpy.node import Node

from .run import Run

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees
    from .router import Router

Schema = dict[str, Any]


@dataclass(frozen=True)
class Robot:
    """What commands act on."""

    node: Node
    places: dict[str, dict[str, Any]]
    router: Router
    trees: Trees


class Kind(ABC):
    """
    A command of the configuration.

    `channel` names what two runs cannot use at the same time, such as the robot's base: a new
    command preempts the one that holds it. None means that runs do not hinder each other.
    """

    settings_schema: ClassVar[Schema]
    channel: str | None = None

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        """Take the command's name and its checked entry in the configuration."""
        self.name = name
        self.settings = settings
        self.robot = robot

    @property
    def timeout(self) -> float:
        """How long a run may take, s."""
        return float(self.settings.get('timeout', 'inf'))

    def parameters_schema(self) -> Schema:
        """JSON Schema of the parameters."""
        return {'type': 'object', 'additionalProperties': False}

    @abstractmethod
    def start(self, run: Run) -> None:
        """Begin; tells `run` how it goes, now or later, and ends it exactly once."""

    def cancel(self, run: Run) -> None:
        """Begin to end a run; it ends when the robot has stopped. By default at once."""
        run.canceled('cancelled')

    def takes_over(self, old: Run) -> bool:
        """Whether `start` replaces `old` smoothly, so that it need not be cancelled first."""
        return False

    def poll(self, run: Run) -> None:  # noqa: B027  Most kinds need none.
        """Look after a run, ten times a second."""
