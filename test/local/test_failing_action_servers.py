# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the action servers that tests fail with fail as they say."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from pathlib import Path
import sys

from action_msgs.msg import GoalStatus
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from nav2_msgs.action import NavigateToPose, Wait
import pytest

SCRIPT = Path(__file__).parents[1] / 'fixtures' / 'failing_action_servers.py'
SUCCEEDED, CANCELED, ABORTED = (
    GoalStatus.STATUS_SUCCEEDED,
    GoalStatus.STATUS_CANCELED,
    GoalStatus.STATUS_ABORTED,
)


@contextlib.contextmanager
def failing(mode: str, *arguments: str) -> Iterator[tuple[RosGraph, Process]]:
    with Process([sys.executable, str(SCRIPT), mode, *arguments], name=mode) as process:
        process.wait_for_line('ready')
        with RosGraph() as graph:
            yield graph, process


def send(graph: RosGraph):
    return graph.send_goal(NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal())


def test_reject_rejects():
    with failing('reject') as (graph, _):
        assert not send(graph).accepted


@pytest.mark.parametrize(
    ('mode', 'status'), [('succeed', SUCCEEDED), ('abort', ABORTED), ('flood', SUCCEEDED)]
)
def test_what_ends_by_itself_ends_so(mode, status):
    with failing(mode, '--delay', '0.2') as (graph, _):
        goal = send(graph)
        assert goal.end().status == status
        if mode == 'flood':
            assert len(goal.feedback) > 20


@pytest.mark.parametrize('mode', ['hang', 'accept_late', 'slow_cancel'])
def test_what_never_ends_can_be_canceled(mode):
    with failing(mode, '--delay', '0.2') as (graph, _):
        goal = send(graph)
        assert goal.accepted
        assert goal.cancel()
        assert goal.end().status == CANCELED


def test_ignore_cancel_rejects_the_cancel_and_succeeds():
    with failing('ignore_cancel', '--delay', '1.0') as (graph, _):
        goal = send(graph)
        assert goal.accepted
        assert not goal.cancel()
        assert goal.end().status == SUCCEEDED


def test_lose_cancel_takes_the_cancel_and_forgets_it():
    with failing('lose_cancel', '--delay', '1.0') as (graph, _):
        goal = send(graph)
        assert goal.accepted
        assert goal.cancel()
        assert goal.end().status == SUCCEEDED


def test_never_accept_leaves_the_goal_unanswered():
    with failing('never_accept') as (graph, process):
        goal = send(graph)
        with pytest.raises(AssertionError, match='did not come'):
            graph.result(goal._sent, timeout=1.0)
        assert 'goal' in process.lines


def test_die_leaves_without_a_word():
    with failing('die', '--delay', '0.2') as (graph, process):
        assert send(graph).accepted
        assert process.wait() == 42
        process.wait_for_line('died')


def test_any_action_type_will_do():
    with failing(
        'succeed', '--delay', '0.1', '--action', 'pause', '--type', 'nav2_msgs/action/Wait'
    ) as (graph, _):
        assert graph.send_goal(Wait, 'pause', Wait.Goal()).end().status == SUCCEEDED
