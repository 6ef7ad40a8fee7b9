# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Each sample of a topic reaches its callback, whatever the executor is busy with."""

from collections.abc import Callable, Iterator
from queue import Queue
import threading

import pytest
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from std_msgs.msg import Int32

from xparo_bridge.ros.entities import subscription
from xparo_bridge.ros.samples import SampleThread
from xparo_bridge.ros.subscription import Unscheduled


class Topics:
    """Topics of numbers on one sample thread; what came is in `came`, with the topic's name."""

    def __init__(self, graph) -> None:
        self._graph = graph
        self.came: Queue[tuple[str, int]] = Queue()
        self.samples = SampleThread(graph.node)
        self.open: dict[str, Subscription] = {}
        self.publishers: dict[str, object] = {}

    def add(self, topic: str, callback: Callable[[int], object] = lambda number: None) -> None:
        """Subscribe, and wait until both ends know of each other."""

        def take(data: bytes, info: dict[str, int]) -> None:
            number = deserialize_message(data, Int32).data
            callback(number)
            self.came.put((topic, number))

        made = self.publishers[topic] = self._graph.robot.create_publisher(Int32, topic, 100)
        self.open[topic] = subscription(
            self._graph.node,
            Int32,
            topic,
            lambda data: None,
            100,
            raw=True,
            callback_group=Unscheduled(),
        )
        self.samples.add(self.open[topic], take)
        self._graph.spin_until(
            lambda: made.get_subscription_count() and self.open[topic].handle.get_publisher_count()
        )

    def remove(self, topic: str) -> None:
        """End one."""
        made = self.open.pop(topic)
        self.samples.remove(made)
        self._graph.node.destroy_subscription(made)

    def publish(self, topic: str, *numbers: int) -> None:
        """Publish; the executor is not spun."""
        for number in numbers:
            self.publishers[topic].publish(Int32(data=number))

    def next(self) -> tuple[str, int]:
        """Wait for the next that comes."""
        return self.came.get(timeout=10.0)


@pytest.fixture
def topics(graph) -> Iterator[Topics]:
    made = Topics(graph)
    yield made
    for topic in list(made.open):
        made.remove(topic)


def running() -> bool:
    return any(thread.name == 'samples' for thread in threading.enumerate())


def test_samples_come_in_order_while_the_executor_stands_still(topics):
    topics.add('a')
    topics.publish('a', *range(50))
    assert [topics.next() for _ in range(50)] == [('a', number) for number in range(50)]


def test_a_topic_that_is_added_later_is_heard_as_well(topics):
    topics.add('a')
    topics.publish('a', 1)
    assert topics.next() == ('a', 1)
    topics.add('b')
    topics.publish('b', 2)
    assert topics.next() == ('b', 2)


def test_what_is_removed_is_not_heard_and_the_others_are(topics):
    topics.add('a')
    topics.add('b')
    topics.remove('a')
    topics.publish('a', 1)
    topics.publish('b', 2)
    assert topics.next() == ('b', 2)
    assert topics.came.empty()


def test_the_thread_runs_only_while_there_is_a_topic(topics):
    assert not running()
    topics.add('a')
    assert running()
    topics.remove('a')
    assert not running()
    topics.add('b')
    topics.publish('b', 1)
    assert topics.next() == ('b', 1)


def test_a_callback_that_fails_costs_its_sample_and_no_other(topics):
    topics.add('a', lambda number: 1 // number)
    topics.publish('a', 0, 1)
    assert topics.next() == ('a', 1)
