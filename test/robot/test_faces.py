# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A robot has the faces that its links need, and pays for no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fixtures.ros_graph import RosGraph
import pytest
from rclpy.action import ActionServer
from rclpy.node import Node

from xparo_bridge.configuration import Configuration, load
from xparo_bridge.credentials import Credentials
from xparo_bridge.link.protocols.base import load_protocol
from xparo_bridge.robot.face import Surroundings
from xparo_bridge.robot.faces import make_faces
from xparo_bridge.robot.peers import Peers
from xparo_bridge.robot.routes import Routes


@pytest.fixture
def node() -> Iterator[Node]:
    with RosGraph('bridge') as graph:
        yield graph.node


def faces(node: Node, *protocols: str) -> set[str]:
    """Subjects of the topics that links of these protocols make."""
    configuration: Configuration = load(['config/bridge.yaml'])
    settings = {'url': 'ws://127.0.0.1:1/', 'robot_id': 'r1', 'extensions': []}
    links = {name: load_protocol(name).configured(settings, Credentials('key', 'project'))
             for name in protocols}
    peers = Peers({name: link.capabilities for name, link in links.items()},
                  lambda link, message: None)
    make_faces(Surroundings(
        node, configuration, peers, Routes(configuration, peers.carriers), 'r1',
        Path('unused'), lambda link, command: True, None, lambda: None))
    names = [publisher.topic_name for publisher in node.publishers]
    return {name.split('/')[2] for name in names if name.startswith('/bridge/')}


def action_servers(node: Node) -> int:
    return sum(isinstance(waitable, ActionServer) for waitable in node.waitables)


def test_the_platform_alone_brings_chat_and_nothing_more(node):
    assert faces(node, 'xparo') == {'chat'}
    assert action_servers(node) == 0


def test_an_agent_hears_and_sounds_but_takes_no_goals_to_speak(node):
    assert faces(node, 'xparo', 'xrx') == {'chat', 'speech', 'audio'}
    assert action_servers(node) == 0


def test_a_head_speaks_too(node):
    assert faces(node, 'xparo', 'furhat') >= {'chat', 'speech', 'audio'}
    assert action_servers(node) == 1
