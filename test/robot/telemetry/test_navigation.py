# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What is sent of a way to a goal is of that goal."""

from action_msgs.msg import GoalStatus, GoalStatusArray
from geometry_msgs.msg import PoseStamped
from nav2_msgs.action import NavigateThroughPoses, NavigateToPose
from nav_msgs.msg import Path
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile

from xparo_bridge.ros import presence
from xparo_bridge.ros.problems import Problems

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ACTIONS = {'navigate_to_pose': NavigateToPose, 'navigate_through_poses': NavigateThroughPoses}
GOING, ABORTED, SUCCEEDED = (
    GoalStatus.STATUS_EXECUTING,
    GoalStatus.STATUS_ABORTED,
    GoalStatus.STATUS_SUCCEEDED,
)


class Navigator:
    """Servers of Nav2's navigation actions, as their topics show them."""

    def __init__(self, graph, telemeter, **settings) -> None:
        self.graph = graph
        self.telemetry = telemeter({'period': 0.05, 'groups': {'navigation': settings}})
        self._status = {}
        self._feedback = {}
        for name, kind in ACTIONS.items():
            self._status[name] = graph.robot.create_publisher(
                GoalStatusArray, f'/{name}/_action/status', LATCHED
            )
            self._feedback[name] = graph.robot.create_publisher(
                kind.Impl.FeedbackMessage, f'/{name}/_action/feedback', 10
            )
        self._plan = graph.robot.create_publisher(Path, '/plan', 10)

    @property
    def reported(self):
        return self.telemetry.latest.get('navigation', {})

    def goals(self, action, *goals):
        """Publish goals of (number, state); a number is id and stamp, s."""
        message = GoalStatusArray()
        for number, state in goals:
            status = GoalStatus(status=state)
            status.goal_info.goal_id.uuid[0] = number
            status.goal_info.stamp.sec = number
            message.status_list.append(status)
        self._status[action].publish(message)

    def feedback(self, action, number, distance):
        message = ACTIONS[action].Impl.FeedbackMessage()
        message.goal_id.uuid[0] = number
        message.feedback.distance_remaining = distance
        message.feedback.number_of_recoveries = 1
        self._feedback[action].publish(message)

    def plan(self, stamp, x):
        path = Path(poses=[PoseStamped(), PoseStamped()])
        path.header.frame_id = 'map'
        path.header.stamp.sec = stamp
        path.poses[1].pose.position.x = x
        path.poses[1].pose.orientation.w = 1.0
        self._plan.publish(path)

    def server_dies(self, action):
        self.graph.robot.destroy_publisher(self._status.pop(action))

    def until(self, act, condition):
        self.graph.spin_until(lambda: (act(), condition(self.reported))[1])


@pytest.fixture
def navigator(graph, telemeter):
    return lambda **settings: Navigator(graph, telemeter, **settings)


@pytest.mark.parametrize('action', ACTIONS)
def test_navigation_follows_the_newest_goal(navigator, action):
    at = navigator()

    def drive():
        at.goals(action, (1, SUCCEEDED), (2, GOING))
        at.feedback(action, 2, 2.5)
        at.plan(3, 4.0)

    at.until(drive, lambda reported: {'distance', 'goal'} <= reported.keys())
    assert at.reported == {
        'state': 'executing',
        'action': action,
        'distance': 2.5,
        'recoveries': 1,
        'elapsed': 0.0,
        'remaining': 0.0,
        'goal': {'x': 4.0, 'y': 0.0, 'yaw': 0.0, 'frame': 'map'},
    }
    at.until(
        lambda: at.goals(action, (1, SUCCEEDED), (2, ABORTED)),
        lambda reported: reported['state'] == 'aborted',
    )
    assert 'distance' not in at.reported
    assert at.reported['goal']['x'] == 4.0


def test_a_goal_under_way_comes_before_a_later_one_of_another_action_that_ended(navigator):
    at = navigator()

    def drive():
        at.goals('navigate_through_poses', (5, GOING))
        at.goals('navigate_to_pose', (9, ABORTED))
        at.feedback('navigate_to_pose', 9, 99.0)
        at.feedback('navigate_through_poses', 5, 7.0)

    at.until(drive, lambda reported: 'distance' in reported)
    assert at.reported['action'] == 'navigate_through_poses'
    assert at.reported['state'] == 'executing'
    assert at.reported['distance'] == 7.0


def test_neither_the_plan_nor_the_progress_of_the_goal_before_is_that_of_the_new_one(navigator):
    at = navigator()

    def drive(number, plan_stamp):
        at.goals('navigate_to_pose', (number, GOING))
        at.feedback('navigate_to_pose', 1, 1.5)
        at.plan(plan_stamp, 4.0)

    at.until(lambda: drive(1, 2), lambda reported: {'distance', 'goal'} <= reported.keys())
    at.telemetry.sent.clear()
    at.until(lambda: drive(5, 2), lambda reported: reported.get('state') == 'executing')
    assert at.reported == {'state': 'executing', 'action': 'navigate_to_pose'}
    at.until(lambda: drive(5, 6), lambda reported: 'goal' in reported)


def test_a_server_that_went_away_with_the_goal_leaves_it_unknown(navigator):
    at = navigator()
    at.until(
        lambda: at.goals('navigate_to_pose', (1, GOING)),
        lambda reported: reported.get('state') == 'executing',
    )
    at.server_dies('navigate_to_pose')
    at.until(lambda: None, lambda reported: reported['state'] == 'unknown')


def test_one_action_alone_may_be_named(navigator):
    at = navigator(action='/navigate_to_pose')

    def drive():
        at.goals('navigate_through_poses', (5, GOING))
        at.goals('navigate_to_pose', (1, SUCCEEDED))

    at.until(drive, lambda reported: reported.get('state') == 'succeeded')


@pytest.mark.parametrize(
    ('actions', 'expected'),
    [
        (['/first', '/second', '/third'], {'/first'}),
        (['/first'], {'/first'}),
        ('/first', {'/first'}),
    ],
)
def test_of_several_actions_the_first_alone_has_to_be_there(
    navigator, monkeypatch, actions, expected
):
    monkeypatch.setattr(presence, 'GRACE', 0.0)
    at = navigator(action=actions)
    problems = Problems.of(at.graph.node)
    names = [actions] if isinstance(actions, str) else actions
    # They are looked at in their order: of what came last it is known whether it is missed.
    at.until(lambda: None, lambda reported: reported.get('state') == 'idle')
    at.graph.spin_until(lambda: 'topic /first/_action/status' in problems.now)
    missed = {name for name in names if f'topic {name}/_action/status' in problems.now}
    assert missed == expected
    assert not [name for name in problems.now if 'feedback' in name]


def test_states_are_those_of_the_goal_status_and_of_no_goal_it_is_idle(navigator):
    at = navigator()
    at.until(lambda: None, lambda reported: reported == {'state': 'idle'})
    for number, (state, name) in enumerate(
        (
            (GoalStatus.STATUS_ACCEPTED, 'accepted'),
            (GOING, 'executing'),
            (GoalStatus.STATUS_CANCELING, 'canceling'),
            (SUCCEEDED, 'succeeded'),
            (GoalStatus.STATUS_CANCELED, 'canceled'),
            (ABORTED, 'aborted'),
            (GoalStatus.STATUS_UNKNOWN, 'unknown'),
        ),
        1,
    ):
        at.until(
            lambda number=number, state=state: at.goals('navigate_to_pose', (number, state)),
            lambda reported, name=name: reported.get('state') == name,
        )
