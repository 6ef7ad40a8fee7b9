# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does what belongs to a node go with it, so that nothing of it is left in its graph."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import gc
import weakref

from fixtures.ros_graph import RosGraph
from nav2_msgs.action import NavigateToPose
import pytest

from xparo_bridge.ros.action_goal import ActionGoal
from xparo_bridge.ros.entities import action_client
from xparo_bridge.ros.of_node import one_of
from xparo_bridge.ros.presence import Presence
from xparo_bridge.ros.problems import Problems
from xparo_bridge.ros.transforms import TransformListener


def expect(node):
    Presence.of(node).expect_action('spin', NavigateToPose, 'a test')


def report(node):
    Problems.of(node).report('it', 'does not work')


def listen(node):
    TransformListener.acquire(node)


def send(node):
    client = action_client(node, NavigateToPose, 'navigate_to_pose')
    ActionGoal(
        node,
        client,
        NavigateToPose.Goal(),
        server_timeout=9.0,
        accept_timeout=9.0,
        cancel_timeout=9.0,
        on_end=lambda outcome: None,
    )


@pytest.mark.parametrize('use', [expect, report, listen, send])
def test_a_node_that_is_destroyed_is_kept_by_nothing(use):
    with RosGraph('left') as graph:
        use(graph.node)
        node = weakref.ref(graph.node)
    del graph
    gc.collect()
    assert node() is None


def test_all_who_ask_get_the_same_one_whichever_thread_they_are_in():
    class Owner:
        pass

    class Thing:
        pass

    for _ in range(50):
        owner = Owner()
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _, owner=owner: one_of(owner, Thing, Thing), range(8)))
        assert len(set(map(id, found))) == 1
