# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are all goals of an action cancelled, however slowly its server answers."""

from __future__ import annotations

import time

from action_msgs.msg import GoalInfo, GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from fixtures.ros_graph import RosGraph
from nav2_msgs.action import Spin
import pytest
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future

from xparo_bridge.ros import motion_actions
from xparo_bridge.ros.motion_actions import GoalSweep, MotionActions


class SlowServer:
    """What an action server shows of itself to a sweep; it answers after a delay."""

    def __init__(self, graph: RosGraph, delay: float, lost: int) -> None:
        self._node = graph.add_node('slow_server')
        self._delay = delay
        self._lost = lost
        self.asked = 0
        self._status = self._node.create_publisher(
            GoalStatusArray, 'slow/_action/status', qos_profile_action_status_default
        )
        self._group = ReentrantCallbackGroup()
        self._node.create_service(
            CancelGoal, 'slow/_action/cancel_goal', self._cancel, callback_group=self._group
        )
        self._say(GoalStatus.STATUS_EXECUTING)

    def _say(self, status: int) -> None:
        self._status.publish(
            GoalStatusArray(status_list=[GoalStatus(status=status, goal_info=GoalInfo())])
        )

    async def _cancel(
        self, request: CancelGoal.Request, response: CancelGoal.Response
    ) -> CancelGoal.Response:
        self.asked += 1
        wait = 60.0 if self.asked <= self._lost else self._delay
        if wait:
            elapsed = Future()
            timer = self._node.create_timer(
                wait, lambda: elapsed.done() or elapsed.set_result(None)
            )
            await elapsed
            self._node.destroy_timer(timer)
        self._say(GoalStatus.STATUS_CANCELED)
        response.goals_canceling = [GoalInfo()]
        return response


@pytest.mark.parametrize(
    ('delay', 'lost'),
    [
        (0.0, 0),
        (1.5, 0),  # Longer than until it is asked again: a late answer is one too.
        (0.0, 3),  # The first requests, or their answers, are lost.
        (0.0, 8),
    ],
)
def test_a_server_that_answers_late_or_not_each_time_has_answered(monkeypatch, delay, lost):
    monkeypatch.setattr(motion_actions, '_ASK_AGAIN', 0.1)
    with RosGraph('slow_robot') as other, RosGraph('bridge') as graph:
        server = SlowServer(other, delay, lost)
        sweep = GoalSweep(graph.node, '/slow')
        graph.until(lambda: graph.node.count_publishers('/slow/_action/status'))

        def swept() -> bool:
            for _ in range(5):
                other._executor.spin_once(timeout_sec=0.002)
            sweep.poll()
            return not sweep.problem

        graph.until(swept)
        assert server.asked > lost
        sweep.close()


def test_a_server_that_never_answers_is_a_problem_and_the_requests_are_bounded(monkeypatch):
    monkeypatch.setattr(motion_actions, '_ASK_AGAIN', 0.02)
    with RosGraph('slow_robot') as other, RosGraph('bridge') as graph:
        SlowServer(other, 60.0, 0)
        sweep = GoalSweep(graph.node, '/slow')
        graph.until(lambda: graph.node.count_publishers('/slow/_action/status'))
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            graph._executor.spin_once(timeout_sec=0.01)
            sweep.poll()
        assert 'does not answer the cancel' in sweep.problem
        assert sweep._client is not None
        assert len(sweep._client._pending_requests) <= 40
        sweep.close()


def test_an_action_has_a_client_that_cancels_it_from_when_it_is_found_until_it_is_gone():
    with RosGraph('robot') as other, RosGraph('bridge') as graph:
        found: list[set[str]] = []
        motion = MotionActions(
            graph.node,
            named=['named'],
            covered=['covered'],
            on_found=lambda new: found.append(new),
        )

        def looked(name: str, there: bool) -> bool:
            other.spin_once(0.0)
            motion.look()
            return (name in motion.names) is there

        def cancelled() -> set[str]:
            names = {client.srv_name for client in graph.node.clients}
            end = '/_action/cancel_goal'
            return {name.removesuffix(end) for name in names if name.endswith(end)}

        assert cancelled() == {'/named'}
        servers = [
            ActionServer(other.node, Spin, name, lambda goal: Spin.Result())
            for name in ('late', 'covered')
        ]
        for name in ('/late', '/covered'):
            graph.until(lambda name=name: looked(name, True))
        assert motion.names == {'/named', '/late', '/covered'}
        assert cancelled() == {'/named', '/late'}  # Somebody else cancels what is covered.
        assert {'/late', '/covered'} <= set().union(*found)
        for server in servers:
            server.destroy()
        graph.until(lambda: looked('/late', False))
        assert cancelled() == {'/named'}
        motion.close()
        assert cancelled() == set()
