# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do Nav2's nodes use actions, services, topics and transforms as Nav2 does."""

from __future__ import annotations

from fixtures.tree_robot import tree_robot
from geometry_msgs.msg import PoseStamped, TransformStamped
from nav2_msgs.action import ComputePathToPose, FollowPath, Spin
from nav2_msgs.srv import ClearEntireCostmap, IsPathValid
from nav_msgs.msg import Odometry, Path
import pytest
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import BatteryState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from xparo_bridge.behavior import input_port, NodeStatus, StatefulAction
from xparo_bridge.behavior.nav2 import manifest_of
from xparo_bridge.behavior.ros.fields import is_installed
from xparo_bridge.behavior.ros.robot_registry import nav2_release

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LACKING = {
    'CancelFollowObject',
    'CheckPoseOccupancy',
    'ExtractRouteNodesAsGoals',
    'FollowObject',
    'RemoveInCollisionGoals',
    'ToggleCollisionMonitor',
}
ROUTES = {'ComputeRoute', 'ComputeAndTrackRoute', 'CancelComputeAndTrackRoute'}


@pytest.fixture
def robot(tmp_path):
    with tree_robot(tmp_path) as found:
        yield found


def pose(x: float, y: float = 0.0) -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = 'map'
    message.pose.position.x, message.pose.position.y = x, y
    message.pose.orientation.w = 1.0
    return message


def path(*xs: float) -> Path:
    message = Path(poses=[pose(x) for x in xs])
    message.header.frame_id = 'map'
    return message


class Server:
    """An action server whose goals end when they are told to."""

    def __init__(self, robot, kind, name):
        self.goals = []
        self._kind = kind
        self._ends = []
        self._server = ActionServer(
            robot.peer,
            kind,
            name,
            self._execute,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )

    async def _execute(self, handle):
        end = Future()
        self.goals.append(handle)
        self._ends.append(end)
        how, values = await end
        getattr(handle, how)()
        return self._kind.Result(**values)

    def end(self, how, index=-1, **values):
        self._ends[index].set_result((how, values))


def stand_at(robot, x: float, y: float):
    transform = TransformStamped(child_frame_id='base_link')
    transform.header.frame_id = 'map'
    transform.transform.translation.x, transform.transform.translation.y = x, y
    transform.transform.rotation.w = 1.0
    publisher = robot.peer.create_publisher(TFMessage, '/tf', 10)
    robot.peer.create_timer(0.02, lambda: publisher.publish(TFMessage(transforms=[transform])))


def test_every_node_type_runs_whose_interface_is_installed(robot):
    release = nav2_release()
    missing = {name for name in manifest_of(release) if robot.registry.find(name).factory is None}
    assert missing <= ROUTES


def test_of_the_newest_release_only_that_cannot_run_which_the_interfaces_lack(robot):
    missing = {name for name in manifest_of('main') if robot.registry.find(name).factory is None}
    # Jazzy had it brought back from the main branch; Kilted has not.
    not_in_kilted = {'ClearCostmapAroundPose'} if nav2_release() == 'kilted' else set()
    assert missing <= ROUTES | LACKING | not_in_kilted
    of_jazzy = is_installed('nav2_msgs/msg/MissedWaypoint')
    assert nav2_release() == ('jazzy' if of_jazzy else 'kilted')


@pytest.mark.parametrize(
    'body',
    [
        '<DistanceController distance="1.0"><AlwaysSuccess/></DistanceController>',
        '<GetCurrentPose current_pose="{p}"/>',
        '<IsGoalNearby path="{path}" proximity_threshold="9"/>',
    ],
)
def test_the_first_tree_of_a_fresh_bridge_knows_where_the_robot_is(robot, body):
    stand_at(robot, 1.0, 2.0)
    run = robot.run(body, path=path(1, 2))
    assert (run.state, run.error) == ('succeeded', '')


def test_a_robot_that_stands_long_enough_has_stopped(robot):
    publisher = robot.peer.create_publisher(Odometry, 'odom', 10)
    robot.peer.create_timer(0.02, lambda: publisher.publish(Odometry()))
    assert robot.run('<CheckStopStatus duration_stopped="100"/>').state == 'succeeded'


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ('<AppendGoalPoseToGoals input_goals="{in}" goal_pose="{p}" output_goals="{out}"/>', 3),
        ('<GetNextFewGoals num_goals="1" input_goals="{in}" output_goals="{out}"/>', 1),
        ('<GetNextFewGoals num_goals="9" input_goals="{in}" output_goals="{out}"/>', 2),
    ],
)
def test_lists_of_goals_are_made_longer_and_shorter(robot, body, expected):
    run = robot.run(body, **{'in': [pose(1), pose(2)], 'p': pose(3)})
    assert run.state == 'succeeded'
    goals = run.tree.blackboard.get('out')
    assert [goal.pose.position.x for goal in goals] == [1.0, 2.0, 3.0][:expected]


def test_an_action_reports_the_name_and_the_words_of_its_error_code(robot):
    server = Server(robot, ComputePathToPose, 'compute_path_to_pose')
    run = robot.start('<ComputePathToPose goal="0;map;1;2;0;0;0;0;1" error_msg="{e}"/>')
    robot.until(lambda: server.goals)
    server.end('abort', error_code=204, path=path())
    robot.until(lambda: run.state.ended)
    assert '204 GOAL_OUTSIDE_MAP, the goal is outside the map' in run.error
    assert 'ComputePathToPose' in run.error


def test_a_plan_goes_to_its_entry_and_its_error_code_too(robot):
    server = Server(robot, ComputePathToPose, 'compute_path_to_pose')
    body = '<ComputePathToPose goal="0;map;1;2;0;0;0;0;1" path="{path}" error_code_id="{code}"/>'
    run = robot.start(body)
    robot.until(lambda: server.goals)
    assert server.goals[0].request.goal.pose.position.y == 2.0
    assert not server.goals[0].request.use_start
    server.end('succeed', path=path(1, 2))
    robot.until(lambda: run.state.ended)
    assert run.state == 'succeeded'
    assert len(run.tree.blackboard.get('path').poses) == 2
    run = robot.start(body)
    robot.until(lambda: len(server.goals) == 2)
    server.end('abort', error_code=203, path=path(1))
    robot.until(lambda: run.state.ended)
    assert run.state == 'failed'
    assert run.tree.blackboard.get('code') == 203
    assert run.tree.blackboard.get('path').poses == []


def test_a_new_path_replaces_the_goal_that_follows_the_old_one(robot):
    server = Server(robot, FollowPath, 'follow_path')
    run = robot.start('<FollowPath path="{path}"/>', path=path(1, 2))
    robot.until(lambda: server.goals)
    run.tree.blackboard.set('path', path(1, 2, 3))
    robot.until(lambda: len(server.goals) == 2)
    assert len(server.goals[1].request.path.poses) == 3
    robot.until(lambda: server.goals[0].is_cancel_requested, 'the end of the old goal')
    server.end('canceled', 0)
    server.end('succeed')
    robot.until(lambda: run.state.ended)
    assert run.state == 'succeeded'


def test_all_goals_of_a_server_can_be_cancelled(robot):
    server = Server(robot, FollowPath, 'follow_path')
    run = robot.start(
        '<ParallelAll><FollowPath path="0;map"/>'
        '<Sequence><Sleep msec="300"/><CancelControl/></Sequence></ParallelAll>'
    )
    robot.until(lambda: server.goals and server.goals[0].is_cancel_requested)
    server.end('canceled')
    robot.until(lambda: run.state.ended)
    assert run.state == 'succeeded'


def test_recoveries_are_counted(robot):
    server = Server(robot, Spin, 'spin')
    robot.peer.create_service(ClearEntireCostmap, 'clear', lambda request, response: response)
    run = robot.start(
        '<Sequence><Spin spin_dist="1.0" time_allowance="2.5"/>'
        '<ClearEntireCostmap service_name="clear"/></Sequence>'
    )
    robot.until(lambda: server.goals)
    assert server.goals[0].request.target_yaw == 1.0
    assert server.goals[0].request.time_allowance.nanosec == 500_000_000
    server.end('succeed')
    robot.until(lambda: run.state.ended)
    assert run.blackboard()['number_recoveries'] == 2


@pytest.mark.parametrize(('valid', 'state'), [(True, 'succeeded'), (False, 'failed')])
def test_a_path_is_asked_about(robot, valid, state):
    def answer(request, response):
        response.is_valid = valid
        return response

    robot.peer.create_service(IsPathValid, 'is_path_valid', answer)
    assert robot.run('<IsPathValid path="{path}"/>', path=path(1, 2)).state == state


def test_a_plugin_is_the_one_that_was_said_last_or_the_default(robot):
    body = '<PlannerSelector selected_planner="{p}" default_planner="A"/>'
    assert robot.run(body).blackboard()['p'] == 'A'
    robot.peer.create_publisher(String, 'planner_selector', LATCHED).publish(String(data='B'))
    robot.until(lambda: robot.node.count_publishers('planner_selector'))
    assert robot.run(body).blackboard()['p'] == 'B'
    assert robot.run('<SmootherSelector selected_smoother="{p}"/>').state == 'failed'


@pytest.mark.parametrize(
    ('body', 'state'),
    [
        ('<IsBatteryLow min_battery="0.3" battery_topic="battery"/>', 'succeeded'),
        ('<IsBatteryLow min_battery="0.1" battery_topic="battery"/>', 'failed'),
        ('<IsBatteryLow min_battery="11" battery_topic="battery" is_voltage="true"/>', 'failed'),
        ('<IsBatteryCharging battery_topic="battery"/>', 'succeeded'),
        ('<IsBatteryLow min_battery="0.3" battery_topic="silent"/>', 'failed'),
    ],
)
def test_the_battery_is_asked(robot, body, state):
    robot.peer.create_publisher(BatteryState, 'battery', LATCHED).publish(
        BatteryState(
            percentage=0.2,
            voltage=12.0,
            power_supply_status=BatteryState.POWER_SUPPLY_STATUS_CHARGING,
        )
    )
    robot.until(lambda: robot.node.count_publishers('battery'))
    assert robot.run(body).state == state


@pytest.mark.parametrize(
    ('body', 'state'),
    [
        ('<GoalReached goal="0;map;2.1;1;0;0;0;0;1"/>', 'succeeded'),
        ('<GoalReached goal="0;map;2.5;1;0;0;0;0;1"/>', 'failed'),
        ('<TransformAvailable child="base_link" parent="map"/>', 'succeeded'),
        ('<TransformAvailable child="arm" parent="map"/>', 'failed'),
        (
            '<ArePosesNear ref_pose="0;map;2.3;1;0;0;0;0;1" '
            'target_pose="0;base_link;0;0;0;0;0;0;1"/>',
            'succeeded',
        ),
        ('<GetCurrentPose robot_base_frame="wheel" current_pose="{p}"/>', 'failed'),
    ],
)
def test_the_robots_place_is_known_by_its_transforms(robot, body, state):
    stand_at(robot, 2.0, 1.0)
    robot.until(lambda: robot.node.count_publishers('/tf'))
    assert robot.run(body).state == state


def test_goals_the_robot_passed_are_removed_but_the_last(robot):
    stand_at(robot, 2.0, 0.0)
    robot.until(lambda: robot.node.count_publishers('/tf'))
    body = '<RemovePassedGoals input_goals="{goals}" output_goals="{goals}" radius="0.7"/>'
    run = robot.run(body, goals=[pose(1.5), pose(2.5), pose(4.0)])
    assert [goal.pose.position.x for goal in run.tree.blackboard.get('goals')] == [4.0]
    run = robot.run(body, goals=[pose(2.0)])
    assert len(run.tree.blackboard.get('goals')) == 1


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ('<TruncatePath input_path="{in}" distance="1.5" output_path="{out}"/>', [0, 1, 2]),
        (
            '<TruncatePathLocal input_path="{in}" pose="0;map;2.2;0;0;0;0;0;1" '
            'distance_forward="1.5" distance_backward="1" output_path="{out}"/>',
            [1, 2, 3],
        ),
        (
            '<ConcatenatePaths input_path1="{in}" input_path2="{in}" output_path="{out}"/>',
            [0, 1, 2, 3, 4, 0, 1, 2, 3, 4],
        ),
    ],
)
def test_paths_are_cut_and_joined(robot, body, expected):
    whole = path(0, 1, 2, 3, 4)
    run = robot.run(body, **{'in': whole})
    assert [p.pose.position.x for p in run.tree.blackboard.get('out').poses] == expected
    assert whole == path(0, 1, 2, 3, 4)


def test_services_pause_and_resume_what_a_tree_does(robot):
    ticks = []

    class Mark(StatefulAction):
        PORTS = (input_port('what', 'string'), input_port('ends', 'bool', False))

        def on_start(self):
            ticks.append(self.get_input('what'))
            return NodeStatus.SUCCESS if self.get_input('ends') else NodeStatus.RUNNING

        def on_running(self):
            return NodeStatus.RUNNING

        def on_halted(self):
            ticks.append(f'{self.get_input("what")} halted')

    robot.register(Mark)
    run = robot.start(
        '<PauseResumeController pause_service_name="hold" resume_service_name="go">'
        '<Mark what="run"/><Mark what="paused"/><Mark what="on pause" ends="true"/>'
        '<Mark what="on resume" ends="true"/></PauseResumeController>'
    )
    clients = {name: robot.peer.create_client(Trigger, name) for name in ('hold', 'go')}

    def ask(name):
        robot.until(clients[name].service_is_ready)
        future = clients[name].call_async(Trigger.Request())
        robot.until(future.done)
        return future.result().success

    robot.until(lambda: ticks == ['run'])
    assert not ask('go')
    assert ask('hold')
    robot.until(lambda: ticks[1:] == ['run halted', 'on pause', 'paused'])
    assert not ask('hold')
    assert ask('go')
    robot.until(lambda: ticks[4:] == ['paused halted', 'on resume', 'run'])
    robot.runner.halt(run)
    robot.until(lambda: run.state.ended)
