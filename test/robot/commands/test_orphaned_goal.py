# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is it found out what became of a goal whose bridge died, and does nothing stay behind."""

from __future__ import annotations

from action_msgs.srv import CancelGoal
from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from nav2_msgs.action import NavigateToPose
import pytest

from xparo_bridge.robot.commands import orphaned_goal, stray_goals
from xparo_bridge.robot.commands.journal import GoalRecord
from xparo_bridge.robot.commands.orphaned_goal import OrphanedGoal
from xparo_bridge.robot.commands.stray_goals import StrayGoals

ACTION = '/navigate_to_pose'
NOBODY_S = 'ab' * 16


@pytest.fixture
def graph():
    with RosGraph('xparo_bridge') as graph:
        yield graph


@pytest.fixture
def sender():
    with RosGraph('bridge_that_died') as graph:
        yield graph


def send(sender) -> str:
    """Send a goal that is accepted; its id."""
    goal = sender.send_goal(NavigateToPose, ACTION, NavigateToPose.Goal())
    assert goal.accepted
    return bytes(goal._sent.result().goal_id.uuid).hex()


def outcome(graph, goal) -> tuple[str, bool]:
    graph.until(lambda: (goal.poll(), goal.outcome)[1])
    return goal.outcome, goal.running


def entities_of(node) -> tuple[int, int, int]:
    clients = [client for client in node.clients if client.srv_type is CancelGoal]
    return len(clients), len(list(node.subscriptions)), len(list(node.timers))


def test_it_alone_is_cancelled_and_is_known_to_have_ended(graph, sender):
    with start_failing_server('hang') as server:
        ids = [send(sender) for _ in range(3)]
        goal = OrphanedGoal(graph.node, GoalRecord(ACTION, ids[1], leave=False), 20.0)
        assert outcome(graph, goal) == ('it has ended', False)
        graph.until(lambda: 'canceled' in server.lines)
        assert server.lines.count('cancel') == 1
        goal.close()


def test_one_that_may_go_on_is_left_and_the_end_of_another_is_not_its_end(graph, sender):
    with start_failing_server('hang') as server:
        ids = [send(sender) for _ in range(2)]
        ended = OrphanedGoal(graph.node, GoalRecord(ACTION, ids[0], leave=False), 20.0)
        assert outcome(graph, ended) == ('it has ended', False)
        goal = OrphanedGoal(graph.node, GoalRecord(ACTION, ids[1], leave=True), 20.0)
        assert outcome(graph, goal) == ('it was left running, as configured', True)
        assert server.lines.count('cancel') == 1
        ended.close()
        goal.close()


@pytest.mark.parametrize(
    ('mode', 'expected'),
    [
        ('ignore_cancel', ('its server refused to cancel it', True)),
        ('lose_cancel', ('its server does not say what became of it', True)),
    ],
)
def test_one_whose_server_does_not_obey_may_be_running(graph, sender, mode, expected):
    with start_failing_server(mode, '--delay', '60'):
        goal_id = send(sender)
        goal = OrphanedGoal(graph.node, GoalRecord(ACTION, goal_id, leave=False), 3.0)
        assert outcome(graph, goal) == expected
        goal.close()


def test_one_that_its_server_does_not_know_is_not_running(graph, monkeypatch):
    monkeypatch.setattr(orphaned_goal, '_UNKNOWN_GRACE', 0.1)
    with start_failing_server('hang'):
        goal = OrphanedGoal(graph.node, GoalRecord(ACTION, NOBODY_S, leave=False), 20.0)
        assert outcome(graph, goal) == ('its action server does not know it', False)
        goal.close()


@pytest.mark.parametrize(
    ('goal_id', 'leave', 'expected'),
    [
        (NOBODY_S, False, ('its action server is not there', False)),
        (NOBODY_S, True, ('its server does not say what became of it', True)),
        ('zz', False, ('its id was damaged on disk', True)),
        ('ab' * 15, False, ('its id was damaged on disk', True)),
        ('', True, ('its id was damaged on disk', True)),
    ],
)
def test_without_a_server_it_is_said_what_is_known(graph, goal_id, leave, expected):
    goal = OrphanedGoal(graph.node, GoalRecord(ACTION, goal_id, leave), 0.2)
    assert outcome(graph, goal) == expected
    goal.close()


def test_nothing_is_left_of_it_in_the_graph(graph):
    before = entities_of(graph.node)
    goal = OrphanedGoal(graph.node, GoalRecord(ACTION, NOBODY_S, leave=False), 20.0)
    assert entities_of(graph.node) == (before[0] + 1, before[1] + 1, before[2])
    goal.close()
    assert entities_of(graph.node) == before


def test_the_search_for_strays_ends_when_each_is_known_and_leaves_nothing(graph, monkeypatch):
    monkeypatch.setattr(stray_goals, '_LOOK_FOR', 0.3)
    before = entities_of(graph.node)
    with start_failing_server('hang'):
        graph.until(lambda: graph.node.count_publishers(f'{ACTION}/_action/status'))
        strays = StrayGoals(graph.node, (), lambda action: False, 0.2)
        graph.until(lambda: (strays.poll(), strays._listening)[1])
        for goal_id in ('damaged', NOBODY_S):  # The first is settled at once, the other is not.
            record = GoalRecord('/nobody', goal_id, leave=False)
            strays.found.append(OrphanedGoal(graph.node, record, 3.0))
        graph.until(lambda: (strays.poll(), not strays._listening)[1])
        assert [bool(goal.outcome) for goal in strays.found] == [True, False]
        assert strays.open
        graph.until(lambda: (strays.poll(), not strays.open)[1])
        assert all(goal.outcome for goal in strays.found)
        strays.close()
        assert entities_of(graph.node) == before


def test_a_search_that_finds_no_stray_ends_too(graph, monkeypatch):
    monkeypatch.setattr(stray_goals, '_LOOK_FOR', 0.1)
    strays = StrayGoals(graph.node, (), lambda action: False, 0.2)
    assert strays.open
    graph.until(lambda: (strays.poll(), not strays.open)[1])
    assert strays.found == []
