# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge's node and a robot's node on a real ROS graph, spun together."""

from collections.abc import Callable, Iterator
from time import monotonic

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from xparo_bridge.configuration import checked
from xparo_bridge.messages import Telemetry
from xparo_bridge.robot.telemetry.publisher import TelemetryPublisher
from xparo_bridge.robot.telemetry.settings import TelemetryConfig
from xparo_bridge.ros.problems import Problems

LINK = {'name': 'platform', 'protocol': 'xparo', 'url': 'wss://example.org/ws'}


def config_of(mapping: dict) -> TelemetryConfig:
    """Telemetry of a configuration that has this section."""
    return TelemetryConfig.of(checked({'links': [LINK], 'telemetry': mapping}))


class Graph:
    """Two nodes and the executor that spins them."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = Node('bridge', context=self.context)
        self.robot = Node('robot', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.robot)

    def spin_until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        """Spin until the condition holds; fail the test if it does not within the timeout."""
        end = monotonic() + timeout
        while not condition():
            if monotonic() >= end:
                problems = dict(Problems.of(self.node).now)
                pytest.fail(f'it did not happen in {timeout:g} s; the node has {problems}')
            self.executor.spin_once(timeout_sec=0.02)

    def publish_until(
        self, publisher: object, message: object, condition: Callable[[], object]
    ) -> None:
        """Publish again and again, as robots do, until the condition holds."""

        def holds() -> object:
            publisher.publish(message)
            return condition()

        self.spin_until(holds)

    def close(self) -> None:
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.robot.destroy_node()
        rclpy.shutdown(context=self.context)


class Telemeter:
    """A telemetry publisher of a configuration, and what it emitted."""

    def __init__(self, graph: Graph, mapping: dict) -> None:
        self.sent: list[Telemetry] = []
        self.publisher = TelemetryPublisher(graph.node, config_of(mapping), self.sent.append)
        self.publisher.start()

    @property
    def latest(self) -> dict:
        """Newest value of each key."""
        values: dict = {}
        for telemetry in self.sent:
            values.update(telemetry.values)
        return values


@pytest.fixture
def graph() -> Iterator[Graph]:
    made = Graph()
    yield made
    made.close()


@pytest.fixture
def telemeter(graph: Graph) -> Iterator[Callable[[dict], Telemeter]]:
    made: list[Telemeter] = []

    def make(mapping: dict) -> Telemeter:
        made.append(Telemeter(graph, mapping))
        return made[-1]

    yield make
    for telemetry in made:
        telemetry.publisher.stop()
