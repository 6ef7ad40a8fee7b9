# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a world is: where the robot of a scenario lives, and what can be done to it there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any

from ...local.children import Child
from ...local.sim.drive import Pose
from ...local.sim.occupancy import load_map
from ...local.sim.world import Floor
from ..given import Given
from ..ros_side import RosSide
from ..timeline import Timeline

# What a step may need of a world, in the words of a verdict.
FAULTS = {
    'block': 'put an obstacle into the way',
    'silence': 'silence a sensor',
    'kill_server': 'kill an action server',
    'fail_next': 'let the next goal fail',
    'battery': 'set the battery',
    'jump_clock': 'set the clock',
    'kill_bridge': 'kill the bridge',
    'kill_program': 'kill a program that it has not started',
}


class World(ABC):
    """
    One world of one run.

    Where it reports the truth about its robots, `truth_topic` names it; elsewhere the poses and
    velocities that the robots themselves report are taken.
    """

    name: str
    can: frozenset[str] = frozenset()
    truth_topic = ''
    simulated_time = False
    # Whether the scenario's own programs are started: not where they run already.
    starts_programs = True
    max_speed = math.inf  # m/s that no robot may drive faster than

    def __init__(
        self,
        given: Given,
        seed: int,
        factor: float,
        folder: Path,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Take what the run begins with, where logs go, and what is of this world alone."""
        self.given = given
        self.options = options or {}
        self.seed = seed
        self.factor = factor
        self.folder = folder
        self.children: list[Child] = []
        self.ros: RosSide

    @classmethod
    @abstractmethod
    def missing(cls, options: Mapping[str, Any]) -> list[str]:
        """Return what is not there that it needs: then nothing is executed."""

    @classmethod
    def floor(cls, given: Given) -> Floor | None:
        """Return what to draw the ways on; None where only the robot knows."""
        return load_map(given.map) if given.map is not None else None

    @abstractmethod
    async def start(self) -> None:
        """
        Come up.

        :raises CouldNotStart: if it does not.
        """

    async def before_bridges(self) -> None:  # noqa: B027 - most have nothing to see to
        """See that bridges can be started, when the run is in the ROS graph."""

    async def ready(self, timeline: Timeline) -> None:  # noqa: B027 - some are when they started
        """Wait until its robots can be commanded."""

    def died(self) -> str:
        """Say what of it has ended by itself that is no child of this run; empty if nothing."""
        return ''

    async def stop(self) -> None:
        """End every process of it, and all that these started."""
        for child in reversed(self.children):
            await child.stop()

    # --- faults; a step that needs one is not played in a world that cannot ---

    async def block(self, name: str, pose: Pose, radius: float) -> None:
        """Put an obstacle somewhere."""
        raise NotImplementedError

    async def unblock(self, name: str) -> None:
        """Take it away."""
        raise NotImplementedError

    async def set_robot(self, robot: str, parameter: str, value: Any) -> None:
        """Set a parameter of a simulated robot: what is silent, dead or empty."""
        raise NotImplementedError

    async def jump_clock(self, seconds: float) -> None:
        """Set /clock forward, or back."""
        raise NotImplementedError
