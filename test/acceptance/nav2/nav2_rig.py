# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Nav2 with a bridge to a platform, seen from both sides: by an operator and in the ROS graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, ExitStack
import math
from pathlib import Path
import time
from typing import Any

from fixtures.ros_graph import RosGraph
from fixtures.system import PROJECT_ID, SECRET_KEY, start_bridge, start_platform
from nav_msgs.msg import Odometry
from running_nav2 import bring_up, Nav2

from xparo_bridge.local.platform_client import Event, OperatorClient

PLACES = {
    'shelf': {'x': 3.5, 'y': 2.0, 'yaw': 0.0, 'frame': 'map'},
    'corner': {'x': 2.0, 'y': 6.0, 'yaw': 1.5708, 'frame': 'map'},
    'behind_wall': {'x': 7.5, 'y': 2.0, 'yaw': 0.0, 'frame': 'map'},
}
CONFIGURATION: dict[str, Any] = {
    'places': PLACES,
    'telemetry': {
        'period': 0.2,
        'groups': {
            'pose': {},
            'velocity': {'topic': 'odom'},
            'navigation': {},
            'plan': {},
            'map': {},
            'nodes': {'lifecycle': ['bt_navigator'], 'period': 0.5},
        },
    },
    # On a machine that does other things too Nav2 may take longer than 20 s to become active.
    'commands': {'start_navigation': {'server_timeout': 60.0}},
}


class Rig:
    """Nav2 and a bridge to a platform, and a look at the robot from outside."""

    def __init__(self, folder: Path, domain: int, stack: ExitStack) -> None:
        self.domain = domain
        self.nav2 = Nav2(folder, stack)
        self.platform, self.port = start_platform()
        stack.enter_context(self.platform)
        self.bridge = stack.enter_context(start_bridge(folder, self.port, CONFIGURATION))
        self.graph = stack.enter_context(RosGraph())
        self._odometry = self.graph.listen(Odometry, '/odom')
        bring_up(self.graph)

    def odometry(self) -> Odometry:
        """The next odometry that the robot makes from now on, none that still waits here."""
        now = self.graph.node.get_clock().now().nanoseconds
        self.graph.until(lambda: self._odometry and _stamp(self._odometry[-1]) >= now, what='odom')
        newest = self._odometry[-1]
        self._odometry.clear()
        return newest

    def place(self) -> tuple[float, float]:
        """Where the robot is, m."""
        position = self.odometry().pose.pose.position
        return position.x, position.y

    def is_at(self, name: str, within: float = 0.4) -> bool:
        """Whether the robot is at a place."""
        return math.dist(self.place(), (PLACES[name]['x'], PLACES[name]['y'])) < within

    def moves(self) -> bool:
        """Whether the robot moves."""
        twist = self.odometry().twist.twist
        return abs(twist.linear.x) > 0.01 or abs(twist.angular.z) > 0.01

    def stands_within(self, seconds: float) -> bool:
        """Whether the robot begins in time to stand for half a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.moves() and not self.graph.becomes(self.moves, 0.5):
                return True
        return False

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Operator]:
        """An operator at the platform, from now on."""
        async with await OperatorClient.connect(
            port=self.port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
        ) as client:
            await client.wait_for(lambda event: event.get('type') == 'robot_info', timeout=60.0)
            yield Operator(client)


def _stamp(message: Odometry) -> int:
    return int(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)


class Operator:
    """What a person at the platform does and sees."""

    def __init__(self, client: OperatorClient) -> None:
        self.client = client

    async def send(self, command: str, **parameters: Any) -> str:
        """Send a remote command; its id."""
        return await self.client.send_command(command, parameters)

    async def drive(self, goal: Any) -> str:
        """Send the robot somewhere, and wait until it is on its way."""
        command_id = await self.send('start_navigation', goal=goal)
        await self.underway(command_id)
        return command_id

    async def underway(self, command_id: str) -> dict[str, Any]:
        """Wait for progress that only a controller that drives makes."""

        def drives(event: Event) -> bool:
            data = event.get('data', {})
            return (
                event.get('type') == 'command_status'
                and data['command_id'] == command_id
                and (data['state'] != 'running' or bool(data.get('progress')))
            )

        event = await self.client.wait_for(drives, 60.0)
        while event['data']['state'] == 'accepted':
            event = await self.client.wait_for(drives, 60.0, since=event['seq'])
        assert event['data']['state'] == 'running', event
        return dict(event['data'])

    async def end(self, command_id: str, timeout: float = 90.0) -> dict[str, Any]:
        """Terminal status of a command."""
        return await self.client.wait_for_status(command_id, timeout=timeout)

    async def do(self, command: str, **parameters: Any) -> dict[str, Any]:
        """Terminal status of a command that is sent now."""
        return await self.end(await self.send(command, **parameters))

    async def run_tree(self, name: str, body: str, **blackboard: Any) -> dict[str, Any]:
        """Last report of a tree that is pushed now."""
        since = self.client.seq
        xml = f'<root BTCPP_format="4"><BehaviorTree ID="Main">{body}</BehaviorTree></root>'
        await self.client.request('push_tree', name=name, xml=xml)

        def ended(event: Event) -> bool:
            data = event.get('data', {})
            return (
                event.get('type') == 'behavior_status'
                and data['tree_name'] == name
                and data['state'] in ('succeeded', 'failed', 'halted', 'rejected', 'error')
            )

        return dict((await self.client.wait_for(ended, 90.0, since=since))['data'])

    async def store_tree(self, name: str, xml: str) -> None:
        """Push a tree, which fails for want of a goal, and wait until the robot has it."""
        await self.client.request('push_tree', name=name, xml=xml)
        async with asyncio.timeout(30.0):
            while True:
                trees = await self.do('list_trees')
                if name in str(trees['result']):
                    return

    async def telemetry(
        self, key: str, expected: Any = lambda value: True, *, since: int = 0
    ) -> Any:
        """The first telemetry after event `since` with a key whose value is wanted."""

        def has(event: Event) -> bool:
            return (
                event.get('type') == 'telemetry'
                and key in event['data']
                and bool(expected(event['data'][key]))
            )

        event = await self.client.wait_for(has, 30.0, since=since)
        return event['data'][key]
