# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a goal end, exactly once and with a reason, whatever its server does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import time

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from nav2_msgs.action import NavigateToPose
import pytest
from rclpy.action import ActionClient

from xparo_bridge.ros.action_goal import ActionGoal, Ending, Outcome

POLL_PERIOD = 0.1


class Watched:
    """An ActionGoal and all that it told."""

    def __init__(self, graph: RosGraph, **timeouts: float) -> None:
        self.outcomes: list[Outcome] = []
        self.accepted = 0
        self.feedback = 0
        self._graph = graph
        self._client = ActionClient(graph.node, NavigateToPose, 'navigate_to_pose')
        settings = {'server_timeout': 10.0, 'accept_timeout': 10.0, 'cancel_timeout': 5.0}
        self.goal = ActionGoal(
            graph.node,
            self._client,
            NavigateToPose.Goal(),
            **{**settings, **timeouts},
            on_end=self.outcomes.append,
            on_accepted=self._on_accepted,
            on_feedback=self._on_feedback,
        )
        self._timer = graph.node.create_timer(POLL_PERIOD, self.goal.poll)

    def _on_accepted(self) -> None:
        self.accepted += 1

    def _on_feedback(self, feedback: NavigateToPose.Feedback) -> None:
        self.feedback += 1

    def until(self, condition: Callable[[], object]) -> None:
        self._graph.until(lambda: condition() or self.outcomes)
        assert condition(), self.outcomes

    def end(self, timeout: float = 20.0) -> Outcome:
        """How it ended, after a while in which it could have ended again."""
        self._graph.until(lambda: self.outcomes, timeout, 'the end of the goal')
        reported = time.monotonic()
        self._graph.until(lambda: time.monotonic() > reported + 3 * POLL_PERIOD)
        assert len(self.outcomes) == 1
        return self.outcomes[0]

    def close(self) -> None:
        self._graph.node.destroy_timer(self._timer)
        self._client.destroy()


@contextlib.contextmanager
def watched(graph: RosGraph, **timeouts: float) -> Iterator[Watched]:
    goal = Watched(graph, **timeouts)
    try:
        yield goal
    finally:
        goal.close()


@pytest.fixture
def graph() -> Iterator[RosGraph]:
    with RosGraph() as graph:
        yield graph


@pytest.mark.parametrize(
    ('mode', 'ending', 'accepted'),
    [
        ('succeed', Ending.SUCCEEDED, 1),
        ('abort', Ending.ABORTED, 1),
        ('reject', Ending.REJECTED, 0),
    ],
)
def test_a_goal_ends_as_its_server_says(graph, mode, ending, accepted):
    with start_failing_server(mode, '--delay', '0.2'), watched(graph) as goal:
        outcome = goal.end()
        assert outcome.ending is ending
        assert goal.accepted == accepted
        silent = mode == 'abort'
        assert ('perhaps the frame of the goal is unknown' in outcome.text) == silent


def test_a_goal_waits_for_a_server_that_comes_late(graph):
    with (
        watched(graph, server_timeout=20.0) as goal,
        start_failing_server('succeed', '--delay', '0.1'),
    ):
        assert goal.end().ending is Ending.SUCCEEDED


def test_an_absent_server_ends_the_goal_and_is_named(graph):
    with watched(graph, server_timeout=0.3) as goal:
        outcome = goal.end()
        assert outcome.ending is Ending.NO_SERVER
        assert 'navigate_to_pose' in outcome.text


def test_a_goal_that_is_cancelled_before_it_is_sent_is_never_sent(graph):
    with watched(graph) as goal:
        goal.goal.cancel()
        assert goal.end().ending is Ending.CANCELED
        with start_failing_server('succeed') as server:
            graph.until(goal._client.server_is_ready)
            goal.goal.poll()
            assert 'goal' not in server.lines


@pytest.mark.parametrize('mode', ['hang', 'slow_cancel'])
def test_a_cancel_ends_the_goal_when_the_server_has_confirmed_it(graph, mode):
    with start_failing_server(mode, '--delay', '0.5') as server, watched(graph) as goal:
        goal.until(lambda: goal.accepted)
        goal.goal.cancel()
        assert goal.end().ending is Ending.CANCELED
        graph.until(lambda: 'canceled' in server.lines)


def test_a_cancel_before_acceptance_is_remembered_and_sent_on_acceptance(graph):
    with start_failing_server('accept_late', '--delay', '1.0') as server, watched(graph) as goal:
        goal.until(lambda: 'goal' in server.lines)
        goal.goal.cancel()
        assert goal.end().ending is Ending.CANCELED
        graph.until(lambda: 'canceled' in server.lines)


@pytest.mark.parametrize('mode', ['ignore_cancel', 'lose_cancel'])
def test_a_server_that_ignores_a_cancel_is_given_up(graph, mode):
    with start_failing_server(mode, '--delay', '30'), watched(graph, cancel_timeout=0.5) as goal:
        goal.until(lambda: goal.accepted)
        goal.goal.cancel()
        outcome = goal.end()
        assert outcome.ending is Ending.CANCEL_IGNORED
        assert 'may still be moving' in outcome.text


def test_a_goal_that_succeeds_in_spite_of_its_cancel_has_succeeded(graph):
    with start_failing_server('ignore_cancel', '--delay', '0.5'), watched(graph) as goal:
        goal.until(lambda: goal.accepted)
        goal.goal.cancel()
        assert goal.end().ending is Ending.SUCCEEDED


def test_a_server_that_never_answers_a_goal_is_given_up(graph):
    with start_failing_server('never_accept'), watched(graph, accept_timeout=0.5) as goal:
        assert goal.end().ending is Ending.NOT_ANSWERED
        assert not goal.accepted


def test_a_goal_accepted_after_it_was_given_up_is_cancelled(graph):
    with (
        start_failing_server('accept_late', '--delay', '1.5') as server,
        watched(graph, accept_timeout=0.5) as goal,
    ):
        assert goal.end().ending is Ending.NOT_ANSWERED
        graph.until(lambda: 'canceled' in server.lines)


def test_an_answer_that_was_lost_is_made_up_for_by_the_servers_list_of_goals(graph):
    with start_failing_server('lose_answer') as server, watched(graph) as goal:
        goal.until(lambda: goal.accepted)
        goal.goal.cancel()
        assert goal.end().ending is Ending.CANCELED
        assert server.lines.count('canceled') == 1


def test_a_cancel_reaches_a_goal_whose_answer_was_lost(graph):
    with start_failing_server('lose_answer') as server, watched(graph) as goal:
        goal.until(lambda: 'goal' in server.lines)
        goal.goal.cancel()
        assert goal.end().ending is Ending.CANCELED
        graph.until(lambda: 'canceled' in server.lines)


def test_a_goal_that_is_given_up_unanswered_is_cancelled(graph):
    with start_failing_server('lose_answer') as server, watched(graph, accept_timeout=0.5) as goal:
        assert goal.end().ending is Ending.NOT_ANSWERED
        graph.until(lambda: 'canceled' in server.lines)


def test_a_flood_of_feedback_keeps_the_end_from_nothing(graph):
    with start_failing_server('flood', '--delay', '0.5'), watched(graph) as goal:
        assert goal.end().ending is Ending.SUCCEEDED
        assert goal.feedback > 20


def test_a_server_that_was_restarted_and_forgot_the_goal_is_noticed_in_5_s(graph):
    with start_failing_server('hang') as first, watched(graph) as goal:
        goal.until(lambda: goal.accepted)
        first.kill()
        with start_failing_server('hang'):
            began = time.monotonic()
            assert goal.end().ending is Ending.SERVER_LOST
            assert time.monotonic() - began < 5.0


def test_a_server_that_is_not_active_yet_is_asked_again_until_it_is(graph):
    with start_failing_server('inactive', '--delay', '2.5') as server, watched(graph) as goal:
        assert goal.end().ending is Ending.SUCCEEDED
        assert 2 <= server.lines.count('goal') <= 5


def test_a_server_that_stays_inactive_rejects_the_goal_and_that_is_said(graph):
    with (
        start_failing_server('inactive', '--delay', '60') as server,
        watched(graph, server_timeout=2.5) as goal,
    ):
        outcome = goal.end()
        assert outcome.ending is Ending.REJECTED
        assert '/failing_server is inactive' in outcome.text
        assert server.lines.count('goal') >= 2


def test_an_active_navigator_that_rejects_the_goal_may_lack_the_initial_pose(graph):
    with start_failing_server('unlocalized') as server, watched(graph) as goal:
        outcome = goal.end()
        assert outcome.ending is Ending.REJECTED
        assert '/failing_server is active' in outcome.text
        assert 'no initial pose' in outcome.text
        assert server.lines.count('goal') == 2


def test_a_server_without_a_lifecycle_is_not_asked_twice(graph):
    with start_failing_server('reject') as server, watched(graph) as goal:
        assert goal.end().ending is Ending.REJECTED
        assert server.lines.count('goal') == 1


def test_a_goal_can_be_cancelled_while_its_server_is_not_active(graph):
    with start_failing_server('inactive', '--delay', '60') as server, watched(graph) as goal:
        graph.until(lambda: 'goal' in server.lines)
        goal.goal.cancel()
        assert goal.end().ending is Ending.CANCELED


def test_goals_that_were_looked_for_leave_nothing_in_the_graph(graph):
    with start_failing_server('lose_answer'):
        before = list(graph.node.subscriptions)
        for _ in range(3):
            with watched(graph) as goal:
                goal.until(lambda goal=goal: goal.accepted)
                goal.goal.cancel()
                goal.end()
        assert list(graph.node.subscriptions) == before


def test_a_goal_that_ends_while_its_server_is_asked_for_its_state_leaves_nothing(graph):
    with start_failing_server('inactive', '--delay', '60'):
        before = list(graph.node.clients), list(graph.node.subscriptions)
        with watched(graph) as goal:
            # The answer takes some more turns than the rejection.
            graph.until(lambda: goal.goal._state is not None and goal.goal._state._client)
            assert list(graph.node.clients) != before[0]
            goal.goal.cancel()
            assert goal.end().ending is Ending.CANCELED
        assert (list(graph.node.clients), list(graph.node.subscriptions)) == before


def test_a_result_that_was_lost_is_asked_for_again(graph):
    with start_failing_server('succeed', '--delay', '0.5'), watched(graph) as goal:
        goal.until(lambda: goal.accepted)
        # Whatever answers the request now is not known any more.
        goal.goal._client._pending_result_requests.clear()
        assert goal.end().ending is Ending.SUCCEEDED


def test_of_many_cancels_at_once_no_more_go_to_a_server_than_it_has_room_for(graph):
    with start_failing_server('hang'):
        client = ActionClient(graph.node, NavigateToPose, 'navigate_to_pose')
        ends: list[Outcome] = []
        timeouts = {'server_timeout': 10.0, 'accept_timeout': 10.0, 'cancel_timeout': 15.0}
        goals = [
            ActionGoal(graph.node, client, NavigateToPose.Goal(), **timeouts, on_end=ends.append)
            for _ in range(14)
        ]

        def poll() -> None:
            for goal in goals:
                goal.poll()

        timer = graph.node.create_timer(POLL_PERIOD, poll)
        graph.until(lambda: all(goal._handle is not None for goal in goals))
        for goal in goals:
            goal.cancel()
        # Nothing was spun since, so that none can have been answered.
        assert len(client._pending_cancel_requests) == 8
        graph.until(lambda: len(ends) == len(goals))
        assert {end.ending for end in ends} == {Ending.CANCELED}
        graph.node.destroy_timer(timer)
        client.destroy()
