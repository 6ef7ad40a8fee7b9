# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The node `simulation`: the floor, the robots on it, and their time.

| topic | type | what |
|---|---|---|
| /clock | rosgraph_msgs/Clock | simulated time, from 10 s on; with the parameter `clock` |
| simulation/truth | std_msgs/String | JSON, below |

`{time, robots: {NAME: {x, y, yaw, speed, turn, clearance, bumped, docked, battery,
drivers}}}`: s since the start, m, rad, m/s, rad/s, m from the robot's edge to what is nearest, the
level from 0 to 1, and how many publishers of cmd_vel it hears.

The truth is for those who judge; no sensor's noise or silence is in it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
import re
import time
from typing import Any

from builtin_interfaces.msg import Time
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String

from ...errors import BadInput
from .drive import Pose, RADIUS
from .node import SimulatedRobot
from .occupancy import load_map
from .scene import Circle, Scene
from .world import restaurant

PERIOD = 0.02  # s between turns, of real time
STEP = 0.02  # s of simulated time at most between two steps of the robots
LONGEST_TURN = 0.1  # After a longer stall of the machine the robots lost that time.
FASTEST = 10.0
BEGIN = 10.0  # s of /clock: 0 would say that there is no time yet
_NUMBER = r'[-+]?(?:\d+\.?\d*|\.\d+)'
_CIRCLE = re.compile(rf'([A-Za-z]\w*):({_NUMBER}),({_NUMBER}),({_NUMBER})')


class WrongParameter(BadInput):
    """A parameter of the simulation that is not what it must be."""


class Simulation(Node):  # type: ignore[misc]
    """
    Moves all robots by one timer of real time.

    Parameters: `map` is a YAML file of map_server, empty for the restaurant; `robots` are
    `NAME:X,Y,YAW` with spaces between, each in the namespace of its name, empty for one without a
    namespace; `clock` publishes /clock and stamps everything with it.

    These may be set while it runs: `real_time_factor`, up to 10; `obstacles`, `NAME:X,Y,RADIUS`
    with spaces between; `clock_jump`, s that /clock is set forward, or back.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('simulation', **options)
        file = str(self._declare('map', ''))
        self.scene = Scene(load_map(Path(file)) if file else restaurant())
        robots = read_circles(str(self._declare('robots', '')), 'robots: expected NAME:X,Y,YAW')
        self._simulates_time = bool(self._declare('clock', False))
        self._time = 0.0
        self._clock_ahead = BEGIN
        self._factor = 1.0
        self._robots = [
            SimulatedRobot(self.scene, Pose(place.x, place.y, place.radius), name, **options)
            for name, place in robots.items()
        ] or [SimulatedRobot(self.scene, **options)]
        self._truth = self.create_publisher(String, 'simulation/truth', 10)
        self._clock_publisher = (
            self.create_publisher(ClockMessage, '/clock', 10) if self._simulates_time else None
        )
        self.add_on_set_parameters_callback(self._on_parameters)
        for name, default in (('real_time_factor', 1.0), ('obstacles', ''), ('clock_jump', 0.0)):
            self._declare(name, default)
        self._last_turn = time.monotonic()
        self.create_timer(PERIOD, self._turn, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def nodes(self) -> list[Node]:
        """Every node of the simulation."""
        return [self, *self._robots]

    def _declare(self, name: str, default: Any) -> Any:
        # Typed by its default, but 3 does for 3.0 on a command line.
        descriptor = ParameterDescriptor(dynamic_typing=True)
        return self.declare_parameter(name, default, descriptor).value

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            for parameter in parameters:
                self._set(parameter.name, parameter.value)
        except (ValueError, TypeError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        except BadInput as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _set(self, name: str, value: Any) -> None:
        if name == 'real_time_factor':
            if not 0.0 < float(value) <= FASTEST:
                raise WrongParameter(f'real_time_factor: expected over 0 and up to {FASTEST:g}')
            self._factor = float(value)
        elif name == 'obstacles':
            self.scene.obstacles = read_circles(
                str(value), 'obstacles: expected NAME:X,Y,RADIUS, spaces between them'
            )
        elif name == 'clock_jump':
            self._clock_ahead += float(value)

    def _turn(self) -> None:
        now = time.monotonic()
        dt = min(now - self._last_turn, LONGEST_TURN) * self._factor
        self._last_turn = now
        steps = math.ceil(dt / STEP)
        stamp = self._stamp()
        for _ in range(steps):
            self._time += dt / steps
            stamp = self._stamp()
            for robot in self._robots:
                robot.advance(dt / steps, stamp)
        if self._clock_publisher is not None:
            self._clock_publisher.publish(ClockMessage(clock=stamp))
        for robot in self._robots:
            robot.publish(dt, stamp)
        self._truth.publish(String(data=json.dumps(self._state())))

    def _stamp(self) -> Time:
        if not self._simulates_time:
            return self.get_clock().now().to_msg()
        nanoseconds = max(0, round((self._time + self._clock_ahead) * 1e9))
        return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)

    def _state(self) -> dict[str, Any]:
        robots = {}
        for node in self._robots:
            robot = node.robot
            pose = robot.drive.pose
            clearance = robot.world.clearance(pose.x, pose.y) - RADIUS
            robots[robot.name] = {
                'x': round(pose.x, 4),
                'y': round(pose.y, 4),
                'yaw': round(pose.yaw, 4),
                'speed': round(robot.drive.speed, 4),
                'turn': round(robot.drive.turn, 4),
                'clearance': round(clearance, 4),
                'bumped': robot.drive.bumped,
                'docked': robot.docked,
                'battery': round(robot.battery.level, 4),
                'drivers': node.drivers,
            }
        return {'time': round(self._time, 4), 'robots': robots}


def read_circles(text: str, problem: str) -> dict[str, Circle]:
    """
    Read `NAME:X,Y,RADIUS` with spaces between; the third number of a robot is its yaw.

    :raises WrongParameter: for anything else.
    """
    found = {}
    for word in text.split():
        match = _CIRCLE.fullmatch(word)
        if match is None or match[1] in found:
            raise WrongParameter(f'{problem}, not "{word}"')
        x, y, third = (float(number) for number in match.groups()[1:])
        found[match[1]] = Circle(x, y, third)
    return found
