# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what came in a period sent, whoever leaves or comes before it ends."""

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int32

from xparo_bridge.robot.telemetry.settings import TopicSettings
from xparo_bridge.robot.telemetry.source import TopicSource
from xparo_bridge.ros.subscription import TopicSubscription

RELIABLE = QoSProfile(depth=10)
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
KEPT = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def wait_for(graph, publisher, count: int = 1) -> None:
    graph.spin_until(lambda: publisher.get_subscription_count() == count)


def test_a_topic_of_a_pattern_that_goes_is_sent_once_more(graph):
    source = TopicSource(graph.node, TopicSettings('/part_*'))
    publisher = graph.robot.create_publisher(Int32, '/part_1', RELIABLE)
    graph.spin_until(lambda: source.refresh() or source.publishers)
    wait_for(graph, publisher)
    publisher.publish(Int32(data=7))
    graph.robot.destroy_publisher(publisher)
    graph.spin_until(lambda: source.refresh() or not source.publishers)
    assert source.collect() == {'part_1': {'data': 7}}
    assert source.collect() == {}
    source.close()


@pytest.mark.parametrize('other', [BEST_EFFORT, KEPT])
@pytest.mark.parametrize('first', [RELIABLE, KEPT])
def test_what_came_before_another_publisher_did_is_not_lost(graph, first, other):
    subscription = TopicSubscription(graph.node, '/value', depth=10)
    publisher = graph.robot.create_publisher(Int32, '/value', first)
    graph.spin_until(lambda: subscription.refresh() or subscription.publishers)
    wait_for(graph, publisher)
    publisher.publish(Int32(data=7))
    second = graph.node.create_publisher(Int32, '/value', other)
    graph.spin_until(lambda: subscription.refresh() or subscription.publishers == 2)
    assert [data[4] for data in subscription.drain()] == [7]
    assert list(subscription.drain()) == []
    subscription.forget()
    graph.node.destroy_publisher(second)


def test_what_came_of_another_type_is_nothing_to_read(graph):
    subscription = TopicSubscription(graph.node, '/value', depth=10)
    publisher = graph.robot.create_publisher(Int32, '/value', RELIABLE)
    graph.spin_until(lambda: subscription.refresh() or subscription.publishers)
    wait_for(graph, publisher)
    publisher.publish(Int32(data=7))
    subscription.close()
    assert list(subscription.drain()) == []
    subscription.forget()
