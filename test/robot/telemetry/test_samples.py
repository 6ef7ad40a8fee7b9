# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Each sample of a topic reaches its callback, whatever the executor is busy with."""

from collections.abc import Callable, Iterator
import os
from queue import Queue
import select
import threading
import time

import pytest
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from std_msgs.msg import String

from xparo_bridge.faults import FAULTS
from xparo_bridge.ros import sample_events
from xparo_bridge.ros.entities import subscription
from xparo_bridge.ros.sample_events import BRIEF, READ_HERE, SampleEvents
from xparo_bridge.ros.samples import SampleThread
from xparo_bridge.ros.subscription import Unscheduled


class Loop:
    """A thread that serves samples and other things, as the links' does."""

    def __init__(self, samples: SampleEvents) -> None:
        self._samples = samples
        self._ended, self._end = os.pipe()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        watched = [self._samples.descriptor, self._ended]
        while self._ended not in select.select(watched, [], [])[0]:
            self._samples.serve()

    def close(self) -> None:
        """End it."""
        os.close(self._end)
        self.thread.join()
        os.close(self._ended)


class Topics:
    """Topics of numbers; what came is in `came`, with the topic's name."""

    def __init__(self, graph, way: str) -> None:
        self._graph = graph
        self.came: Queue[tuple[str, int]] = Queue()
        self.threads: dict[tuple[str, int], str] = {}
        self.samples = SampleThread(graph.node) if way == 'thread' else SampleEvents(graph.node)
        self.loop = Loop(self.samples) if isinstance(self.samples, SampleEvents) else None
        self.open: dict[str, Subscription] = {}
        self.publishers: dict[str, object] = {}

    def add(
        self,
        topic: str,
        callback: Callable[[int], object] = lambda number: None,
        brief: bool = False,
    ) -> None:
        """Subscribe, and wait until both ends know of each other."""

        def take(data: bytes, info: dict[str, int]) -> None:
            number = int(deserialize_message(data, String).data)
            callback(number)
            self.threads[topic, number] = threading.current_thread().name
            self.came.put((topic, number))

        made = self.publishers[topic] = self._graph.robot.create_publisher(String, topic, 1000)
        self.open[topic] = subscription(
            self._graph.node,
            String,
            topic,
            lambda data: None,
            1000,
            raw=True,
            callback_group=Unscheduled(),
        )
        self.samples.add(self.open[topic], take, brief)
        self._graph.spin_until(
            lambda: made.get_subscription_count() and self.open[topic].handle.get_publisher_count()
        )

    def remove(self, topic: str) -> None:
        """End one."""
        made = self.open.pop(topic)
        self.samples.remove(made)
        self._graph.node.destroy_subscription(made)

    def publish(self, topic: str, *numbers: int, size: int = 0) -> None:
        """Publish; the executor is not spun."""
        for number in numbers:
            self.publishers[topic].publish(String(data=f'{number:{size}}'))

    def next(self) -> tuple[str, int]:
        """Wait for the next that comes."""
        return self.came.get(timeout=10.0)


@pytest.fixture(params=['thread', 'events'])
def way(request) -> str:
    """Which way samples come."""
    return request.param


@pytest.fixture
def topics(graph, way) -> Iterator[Topics]:
    made = Topics(graph, way)
    yield made
    for topic in list(made.open):
        made.remove(topic)
    if made.loop is not None:
        made.loop.close()


only_events = pytest.mark.parametrize('way', ['events'], indirect=True)
only_thread = pytest.mark.parametrize('way', ['thread'], indirect=True)


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


@only_thread
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


@only_events
def test_a_subscription_that_was_destroyed_keeps_no_other_from_being_served(topics):
    topics.add('gone')
    topics.add('there')
    topics.loop.close()
    topics.loop = None  # So that both are to be served in one turn.
    gone = topics.open.pop('gone')
    (descriptor,) = (at for at, one in topics.samples._topics.items() if one.subscription is gone)
    gone.handle.destroy_when_not_in_use()
    os.eventfd_write(descriptor, 1)
    topics.publish('there', 7)
    deadline = time.monotonic() + 10.0
    while topics.came.empty() and time.monotonic() < deadline:
        topics.samples.serve()
    assert topics.next() == ('there', 7)
    assert any('gone' in where for where in FAULTS.counts)


def test_a_flood_by_many_topics_comes_whole_and_in_order(topics):
    names = [f'flood{number}' for number in range(8)]
    for name in names:
        topics.add(name)
    for number in range(200):
        for name in names:
            topics.publish(name, number)
    came: dict[str, list[int]] = {name: [] for name in names}
    for _ in range(200 * len(names)):
        name, number = topics.next()
        came[name].append(number)
    assert came == {name: list(range(200)) for name in names}


@only_events
def test_a_topic_with_large_messages_gets_a_thread_and_keeps_its_order(topics):
    topics.add('a')
    topics.add('b')
    topics.publish('a', *range(20))
    topics.publish('a', 20, size=READ_HERE + 1)
    topics.publish('a', *range(21, 40))
    topics.publish('a', 40, size=READ_HERE + 1)
    topics.publish('a', 41)
    assert [topics.next() for _ in range(42)] == [('a', number) for number in range(42)]
    topics.publish('b', 1)
    assert topics.next() == ('b', 1)
    serves = topics.loop.thread.name
    assert topics.threads['a', 0] == topics.threads['b', 1] == serves
    assert {topics.threads['a', number] for number in range(20, 42)} == {'samples'}
    topics.remove('a')
    assert not running()


@only_events
def test_a_large_message_is_served_where_that_takes_no_longer(topics):
    topics.add('a', brief=True)
    topics.publish('a', 1, size=10 * READ_HERE)
    topics.publish('a', 2, size=BRIEF + 1)
    assert [topics.next(), topics.next()] == [('a', 1), ('a', 2)]
    assert topics.threads['a', 1] == topics.loop.thread.name
    assert topics.threads['a', 2] == 'samples'


@only_events
def test_others_have_their_turn_while_many_samples_wait(topics, graph):
    topics.loop.close()
    topics.add('a', lambda number: time.sleep(0.001))
    topics.publish('a', *range(100))
    graph.spin_until(lambda: select.select([topics.samples.descriptor], [], [], 0)[0])
    turns = 0
    while topics.came.qsize() < 100:
        before = topics.came.qsize()
        topics.samples.serve()
        assert topics.came.qsize() - before <= 3  # At 1 ms each; a turn has 2.
        turns += 1
    assert turns >= 33
    assert [topics.next()[1] for _ in range(100)] == list(range(100))
    topics.loop = None


@only_events
def test_what_the_middleware_cannot_tell_comes_by_the_thread(topics, monkeypatch):
    monkeypatch.setattr(sample_events, 'notify', lambda subscription, descriptor: False)
    topics.add('a')
    topics.publish('a', *range(10))
    assert [topics.next() for _ in range(10)] == [('a', number) for number in range(10)]
    assert topics.threads['a', 0] == 'samples'


@only_events
def test_what_came_before_it_was_added_is_not_lost(topics, graph):
    made = subscription(graph.node, String, 'a', print, 10, raw=True, callback_group=Unscheduled())
    publisher = graph.robot.create_publisher(String, 'a', 10)
    graph.spin_until(lambda: publisher.get_subscription_count())
    publisher.publish(String(data='7'))
    publisher.wait_for_all_acked()
    came: Queue[bytes] = Queue()
    topics.samples.add(made, lambda data, info: came.put(data))
    assert deserialize_message(came.get(timeout=10.0), String).data == '7'
    topics.samples.remove(made)


def test_topics_that_come_and_go_in_a_flood_leave_no_descriptor(topics, graph):
    topics.add('flood')
    ended = threading.Event()

    def flood() -> None:
        number = 0
        while not ended.wait(0.0005):
            topics.publish('flood', number, size=0 if number % 40 else READ_HERE + 1)
            number += 1

    publishing = threading.Thread(target=flood)
    publishing.start()
    try:
        before = None
        for _ in range(30):
            made = topics.open['flood']
            topics.next()
            topics.samples.remove(made)
            came = topics.came.qsize()
            topics.samples.add(made, lambda data, info: topics.came.put(('flood', 0)))
            graph.spin_until(lambda came=came: topics.came.qsize() > came)
            now = len(os.listdir('/proc/self/fd'))
            before = before or now
            assert now <= before + 2
    finally:
        ended.set()
        publishing.join()
