# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The platform, a head and an agent at once: they work together, and one fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import math
from typing import Any

from fixtures.fake_peers import FakePeers
from fixtures.ros_graph import RosGraph
from fixtures.system import start_robot, System, system
from furhat import FakeFurhat
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import UInt8MultiArray
from xparo_interfaces.action import Say
from xparo_interfaces.msg import BridgeStatus, ChatMessage
from xparo_interfaces.srv import Chat
from xrx import FakeXrx

BRIDGE = '/xparo_bridge'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Robot:
    """A robot with three links, seen from its own graph."""

    def __init__(self, parts: System, peers: FakePeers, graph: RosGraph) -> None:
        self.parts = parts
        self.peers = peers
        self.graph = graph
        self.statuses: list[BridgeStatus] = graph.listen(BridgeStatus, f'{BRIDGE}/status', LATCHED)

    def states(self, status: BridgeStatus | None = None) -> dict[str, str]:
        status = status or (self.statuses[-1] if self.statuses else BridgeStatus())
        return {link.name: link.state for link in status.links}

    def until_connected(self, *names: str) -> None:
        self.graph.until(lambda: all(self.states().get(name) == 'connected' for name in names))

    def chat_works(self) -> None:
        answer = self.graph.call(Chat, f'{BRIDGE}/chat', Chat.Request(message='hello'))
        assert answer.success, answer.error

    def voice_works(self) -> None:
        goal = self.graph.send_goal(Say, f'{BRIDGE}/speech/say', Say.Goal(text='one two'))
        assert goal.end().result.success

    def agent_hears(self) -> None:
        microphone = self.graph.node.create_publisher(
            UInt8MultiArray, f'{BRIDGE}/audio/microphone', 50
        )
        heard: list[ChatMessage] = self.graph.listen(ChatMessage, f'{BRIDGE}/speech/heard')
        sound = UInt8MultiArray(data=bytes(3200))
        self.graph.until(
            lambda: (
                any(reported.link == 'agent' for reported in heard) or microphone.publish(sound)
            )
        )


@asynccontextmanager
async def robot(folder: Any, *, converse: bool) -> AsyncIterator[Robot]:
    with FakePeers(head=FakeFurhat(), agent=FakeXrx()) as peers:
        async with system(
            folder,
            more_links=peers.links(folder),
            routes={'commands': ['platform']},
            speech={'listen': converse, 'converse': converse},
        ) as parts:
            with RosGraph() as graph:
                robot = Robot(parts, peers, graph)
                await asyncio.to_thread(robot.until_connected, 'platform', 'head', 'agent')
                yield robot
        assert peers.problems == []


def test_a_person_talks_with_the_platform_through_the_head_while_the_base_moves(tmp_path):
    async def scenario() -> None:
        async with robot(tmp_path, converse=True) as it:
            it.parts.add(start_robot(1.0))
            it.peers.head.pace = 0.1
            odometry: list[Odometry] = it.graph.listen(Odometry, '/odom')
            command = await it.parts.send('start_navigation', goal='table_4')
            await it.parts.reached(command, 'running')
            await asyncio.to_thread(talk, it, odometry)
            await it.parts.send('cancel', command_id=command)
            assert (await it.parts.ended(command))['state'] == 'canceled'

    def talk(it: Robot, odometry: list[Odometry]) -> None:
        it.peers.until(it.peers.head, lambda: it.peers.head._listening)
        it.peers.run(it.peers.head.person_says('what a nice day'))
        it.peers.until(it.peers.head, lambda: it.peers.head.said)
        assert it.peers.head.said == ['You said: what a nice day']
        # Driving, and not there yet: it was spoken meanwhile.
        odometry.clear()
        it.graph.until(lambda: odometry)
        assert math.hypot(odometry[-1].twist.twist.linear.x, 0.0) > 0.05

    asyncio.run(scenario())


def test_each_peer_fails_in_turn_and_the_others_do_not_notice(tmp_path):
    def fail(it: Robot, failing: str) -> None:
        works = {'head': it.voice_works, 'agent': it.agent_hears, 'platform': it.chat_works}
        seen = len(it.statuses)
        if failing == 'platform':
            it.parts.platform.kill()
        else:
            it.peers.run(it.peers.fakes[failing].stop())
        it.graph.until(lambda: it.states()[failing] != 'connected')
        others = works.keys() - {failing}
        for name in others:
            works[name]()
        assert all(
            it.states(status)[name] == 'connected'
            for status in it.statuses[seen:]
            for name in others
        )
        if failing != 'platform':
            fake = it.peers.fakes[failing]
            it.peers.run(fake.start(fake.port))
            it.until_connected(failing)
            works[failing]()

    async def scenario() -> None:
        async with robot(tmp_path, converse=False) as it:
            for failing in ('head', 'agent', 'platform'):
                await asyncio.to_thread(fail, it, failing)

    asyncio.run(scenario())
