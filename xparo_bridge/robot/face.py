# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a face is: one subject of the links, such as speech, as the robot's own nodes see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node

from ..behavior.ros.trees import Trees
from ..configuration import Configuration
from ..state_directory import StateDirectory
from .peers import Peers
from .routes import Routes

Handlers = dict[type, Callable[[str, Any], object]]


@dataclass(frozen=True)
class Surroundings:
    """What faces are made from; `state` is for what must survive a restart."""

    node: Node
    configuration: Configuration
    peers: Peers
    routes: Routes
    robot_id: str
    state: StateDirectory
    # Runs a RemoteCommand as if its link had just sent it; whether it was not rejected.
    execute: Callable[[str, Any], bool]
    trees: Trees
    publish_status: Callable[[], None]


class Face:
    """Lives on the ROS thread; `handlers` take the messages of the links, by type."""

    handlers: Handlers

    def connected(self, link: str) -> None:
        """Take that a link is up."""

    def lost(self, link: str) -> None:
        """Take that a link is no longer up."""

    def tell(self, status: Any) -> None:
        """Put into a BridgeStatus what it says of this face."""
