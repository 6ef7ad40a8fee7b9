# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A robot has the features that its links need, and pays for no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from defusedxml.ElementTree import parse
from fixtures.ros_graph import RosGraph
import pytest
from rclpy.action import ActionServer
from rclpy.node import Node

from xparo_bridge.configuration import Configuration, load
from xparo_bridge.credentials import Credentials
from xparo_bridge.link.protocols.base import load_protocol, protocol_names
from xparo_bridge.robot.features import FeatureContext, make_features
from xparo_bridge.robot.links.links import Links
from xparo_bridge.robot.links.roles import LinkRoles
from xparo_bridge.share import share
from xparo_bridge.state import State


@pytest.fixture
def node() -> Iterator[Node]:
    with RosGraph('bridge') as graph:
        yield graph.node


def names_in_graph(node: Node) -> set[str]:
    """Own names of what the features made."""
    names = [publisher.topic_name for publisher in node.publishers]
    names += [subscription.topic_name for subscription in node.subscriptions]
    names += [service.service_name for service in node.services]
    return {
        name
        for name in names
        if name.startswith('/bridge/')
        and '_parameter' not in name
        and '_type_description' not in name
    }


def names_in_policy() -> set[str]:
    """Names that the policy of SROS2 allows."""
    return {
        (element.text or '').replace('~', '/bridge')
        for element in parse(share('config', 'sros2_policy.xml')).iter()
        if element.tag in ('topic', 'service')
    }


def features(node: Node, state: Path, *protocols: str) -> set[str]:
    """Subjects of the topics that links of these protocols make."""
    own = state / 'robot.yaml'
    own.write_text('links: [{name: p, protocol: xparo, url: "ws://127.0.0.1:1/"}]')
    configuration: Configuration = load(['config/bridge.yaml', own])
    settings = {'url': 'ws://127.0.0.1:1/', 'robot_id': 'r1', 'extensions': []}
    links = {
        name: load_protocol(name).configured(settings, Credentials('key', 'project'))
        for name in protocols
    }
    peers = Links(
        {name: link.capabilities for name, link in links.items()}, lambda link, message: None
    )
    make_features(
        FeatureContext(
            node,
            configuration,
            peers,
            LinkRoles(configuration, peers.carriers),
            'r1',
            State(state, print),
            lambda link, command: True,
            None,
            lambda: None,
        )
    )
    names = [publisher.topic_name for publisher in node.publishers]
    assert names_in_graph(node) <= names_in_policy()
    return {name.split('/')[2] for name in names if name.startswith('/bridge/')}


def action_servers(node: Node) -> int:
    return sum(isinstance(waitable, ActionServer) for waitable in node.waitables)


def test_the_platform_alone_brings_chat_and_nothing_more(node, tmp_path):
    assert features(node, tmp_path, 'xparo') == {'chat'}
    assert action_servers(node) == 0


def test_an_agent_hears_and_sounds_but_takes_no_goals_to_speak(node, tmp_path):
    assert features(node, tmp_path, 'xparo', 'xrx') == {'chat', 'speech', 'audio'}
    assert action_servers(node) == 0


def test_every_name_of_every_face_is_one_that_the_policy_allows(node, tmp_path):
    assert features(node, tmp_path, *protocol_names()) >= {
        'aiml',
        'audio',
        'chat',
        'head',
        'joy',
        'meet',
        'project',
        'speech',
    }


def test_a_head_speaks_too(node, tmp_path):
    assert features(node, tmp_path, 'xparo', 'furhat') >= {'chat', 'speech', 'audio'}
    assert action_servers(node) == 1
