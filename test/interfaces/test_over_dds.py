# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Can a node use each interface we build, down to the middleware."""

from importlib import import_module
from pathlib import Path
import re
import sys

import pytest
import rclpy
from rclpy.action import ActionClient

OURS = Path(__file__).parent.parent.parent / 'interfaces'
KILTED = sys.prefix.endswith('-kilted')


def interfaces(kind):
    """Cases of what the packages' builds name, by the distribution that runs."""
    names = []
    for package in sorted({path.parent.name for path in OURS.rglob('CMakeLists.txt')}):
        own = OURS / 'kilted' / package
        folder = own if KILTED and own.is_dir() else OURS / package
        built = (folder / 'CMakeLists.txt').read_text()
        found = re.findall(rf'\b{kind}/(\w+)\.{kind}\b', built)
        names += [f'{package}.{kind}.{name}' for name in sorted(found)]
    assert names
    return pytest.mark.parametrize('name', names)


def load(name):
    module, _, type_name = name.rpartition('.')
    return getattr(import_module(module), type_name)


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('interfaces', context=context)
    yield node
    node.destroy_node()
    context.shutdown()


@interfaces('msg')
def test_a_node_publishes_the_message(node, name):
    message = load(name)
    publisher = node.create_publisher(message, name.replace('.', '/'), 1)
    publisher.publish(message())
    node.destroy_publisher(publisher)


@interfaces('srv')
def test_a_node_calls_and_serves_the_service(node, name):
    topic = name.replace('.', '/')
    service = node.create_service(load(name), topic, lambda _, response: response)
    client = node.create_client(load(name), topic)
    assert client.wait_for_service(timeout_sec=20)
    node.destroy_client(client)
    node.destroy_service(service)


@interfaces('action')
def test_a_node_sends_goals_of_the_action(node, name):
    ActionClient(node, load(name), name.replace('.', '/')).destroy()
