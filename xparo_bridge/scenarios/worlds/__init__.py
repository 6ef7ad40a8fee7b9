# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The worlds that scenarios can be run in, by name."""

from __future__ import annotations

from .base import World
from .nav2 import Gazebo, Loopback
from .robot import Robot
from .simulated import Simulated

WORLDS: dict[str, type[World]] = {
    world.name: world for world in (Simulated, Loopback, Gazebo, Robot)
}
