# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing is kept for ever of requests that no server answers, nor of entities that are gone."""

from __future__ import annotations

from collections import Counter
import gc
from pathlib import Path
import re

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from nav2_msgs.action import NavigateToPose
import pytest
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

from xparo_bridge.ros import action_requests, entities
from xparo_bridge.ros.action_goal import cancel_all
from xparo_bridge.ros.rclpy_internals import awaits_answer

PACKAGE = Path(entities.__file__).parents[1]


@pytest.fixture
def graph():
    with RosGraph() as graph:
        yield graph


def _service_nobody_spins(graph):
    """Return what asks a service whose node is never spun, so that it never answers."""
    silent = RosGraph('silent')
    server = silent.node.create_service(Trigger, 'silent', lambda request, response: response)
    client = entities.client(graph.node, Trigger, 'silent')
    graph.until(client.service_is_ready)
    return lambda: action_requests.ask(client, Trigger.Request()), (silent, server)


def _futures() -> int:
    gc.collect()
    return Counter(type(part) for part in gc.get_objects())[Future]


def test_of_requests_that_are_never_answered_only_the_latest_are_kept(graph):
    ask, (silent, _) = _service_nobody_spins(graph)
    with silent:
        before = _futures()
        for _ in range(300):
            last = ask()
        first_round = _futures() - before
        assert 0 < first_round <= action_requests.MOST_AWAITED
        for _ in range(300):
            last = ask()
        assert _futures() - before == first_round
        assert not last.done()


def test_of_a_burst_of_cancels_only_the_latest_are_waited_for(graph):
    with start_failing_server('hang'):
        client = entities.action_client(graph.node, NavigateToPose, 'navigate_to_pose')
        graph.until(client.server_is_ready)
        before = _futures()
        for _ in range(300):
            cancel_all(client)
        assert _futures() - before <= action_requests.MOST_AWAITED
        # The server has heard of them: one that comes alone is answered.
        graph.result(action_requests.cancel(client))
        assert awaits_answer(client) or _futures() == before
        client.destroy()


def test_entities_that_were_destroyed_leave_nothing_behind(graph):
    group = graph.node.default_callback_group
    kept = []
    for _ in range(1200):
        made = entities.subscription(graph.node, String, 'gone', kept.append)
        graph.node.destroy_subscription(made)
        del made
    assert len(group.entities) < 600


def test_whoever_asks_a_service_bounds_or_ends_what_is_not_answered():
    asks = re.compile(r'\.(call_async|cancel_goal_async)\(')
    alone = []
    for path in sorted(PACKAGE.rglob('*.py')):
        room = path.relative_to(PACKAGE).parts[0]
        if room not in ('ros', 'robot', 'behavior', 'link', 'state'):
            continue
        text = path.read_text()
        if asks.search(text) and not re.search('remove_pending_request|forget_oldest', text):
            alone.append(str(path.relative_to(PACKAGE)))
    assert not alone
