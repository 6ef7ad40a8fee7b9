# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the simulated robot look like a robot with Nav2, over DDS, from another process."""

from __future__ import annotations

from collections.abc import Iterator
import io
import math
import subprocess
import sys

from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticArray
from fixtures.domains import own_domain
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from geometry_msgs.msg import Point, PoseStamped, PoseWithCovarianceStamped, Twist
from nav2_msgs.action import (
    AssistedTeleop,
    BackUp,
    ComputePathToPose,
    DockRobot,
    DriveOnHeading,
    FollowPath,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
    Spin,
    UndockRobot,
    Wait,
)
from nav2_msgs.msg import SpeedLimit
from nav2_msgs.srv import ClearEntireCostmap
from nav_msgs.msg import OccupancyGrid, Odometry
import PIL.Image
import pytest
from rclpy.qos import DurabilityPolicy, qos_profile_sensor_data, QoSProfile
from sensor_msgs.msg import BatteryState, CompressedImage, JointState, LaserScan
from std_msgs.msg import Empty
from tf2_msgs.msg import TFMessage

from xparo_bridge import __version__
from xparo_bridge.local.sim.conversions import duration, pose, quaternion
from xparo_bridge.ros.nav2_goals import missed, set_poses

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NAMESPACE = '/simulated'
SUCCEEDED, CANCELED, ABORTED = (
    GoalStatus.STATUS_SUCCEEDED,
    GoalStatus.STATUS_CANCELED,
    GoalStatus.STATUS_ABORTED,
)
ENDS = (0.8, 4.0), (4.75, 4.0)  # of a corridor, m


@pytest.fixture(scope='module')
def domain() -> Iterator[int]:
    """ROS domain of a robot, fast, in its namespace, for all tests here."""
    with (
        own_domain() as domain,
        Process.module(
            'xparo_bridge.local.simulated_robot',
            '--ros-args',
            '-r',
            f'__ns:={NAMESPACE}',
            '-p',
            'speed:=4',
            env={'ROS_DOMAIN_ID': str(domain)},
        ) as process,
    ):
        process.wait_for_line('ready')
        yield domain


@pytest.fixture
def graph(domain: int) -> Iterator[RosGraph]:
    with RosGraph(namespace=NAMESPACE, domain=domain) as graph:
        yield graph


def at(x: float, y: float, yaw: float = 0.0, frame: str = 'map') -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position = Point(x=x, y=y)
    message.pose.orientation = quaternion(yaw)
    return message


def navigate(graph: RosGraph, x: float, y: float, **fields):
    return graph.send_goal(
        NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal(pose=at(x, y), **fields)
    )


def position(graph: RosGraph) -> tuple[float, float]:
    """Where the robot says it is, in the map's frame, m."""
    poses = graph.listen(PoseWithCovarianceStamped, 'amcl_pose', LATCHED)
    graph.until(lambda: poses)
    here = poses[-1].pose.pose.position
    return here.x, here.y


def far(graph: RosGraph) -> tuple[float, float]:
    """End of the corridor the robot is not at; where it is depends on which tests ran before."""
    here = position(graph)
    return max(ENDS, key=lambda end: math.dist(end, here))


def test_its_sensors_publish_at_their_rates(graph):
    topics = {
        'odom': graph.listen(Odometry, 'odom'),
        'joint_states': graph.listen(JointState, 'joint_states'),
        'scan': graph.listen(LaserScan, 'scan', qos_profile_sensor_data),
        'battery_state': graph.listen(BatteryState, 'battery_state'),
        'diagnostics': graph.listen(DiagnosticArray, 'diagnostics'),
    }
    graph.until(lambda: all(topics.values()))
    odom, scan = topics['odom'], topics['scan']
    graph.until(lambda: len(odom) > 150)
    times = [message.header.stamp.sec + message.header.stamp.nanosec * 1e-9 for message in odom]
    rate = (len(times) - 1) / (times[-1] - times[0])
    assert 25.0 < rate < 60.0
    assert 0.1 < len(scan) / len(odom) < 0.4
    assert len(scan[0].ranges) == 360
    assert max(scan[0].ranges) < scan[0].range_max
    assert 0.0 < topics['battery_state'][0].percentage <= 1.0
    assert {status.name for status in topics['diagnostics'][0].status} == {
        'battery',
        'motors',
        'lidar',
    }


def test_map_and_position_reach_who_comes_late(graph):
    maps = graph.listen(OccupancyGrid, 'map', LATCHED)
    poses = graph.listen(PoseWithCovarianceStamped, 'amcl_pose', LATCHED)
    graph.until(lambda: maps and poses)
    info = maps[0].info
    assert (info.width * info.resolution, info.height * info.resolution) == pytest.approx((12, 8))
    assert set(maps[0].data) == {0, 100}
    assert poses[0].header.frame_id == 'map'


def test_transforms_lead_from_map_to_base_link(graph):
    tf2_msgs = pytest.importorskip('tf2_msgs.msg')
    messages = graph.listen(tf2_msgs.TFMessage, 'tf', 100)
    graph.until(lambda: messages)
    assert [(tf.header.frame_id, tf.child_frame_id) for tf in messages[0].transforms] == [
        ('map', 'odom'),
        ('odom', 'base_link'),
    ]


def test_it_drives_to_a_pose_and_counts_the_distance_down(graph):
    there = far(graph)
    goal = navigate(graph, *there)
    end = goal.end()
    assert (end.status, end.result.error_code) == (SUCCEEDED, 0)
    distances = [feedback.distance_remaining for feedback in goal.feedback]
    assert len(distances) > 5
    assert distances[0] > distances[len(distances) // 2] > distances[-1]
    last = goal.feedback[-1]
    assert (
        math.dist((last.current_pose.pose.position.x, last.current_pose.pose.position.y), there)
        < 0.8
    )
    assert math.dist(position(graph), there) < 0.2


def test_a_cancel_ends_a_goal_canceled_and_the_robot_stands(graph):
    odom = graph.listen(Odometry, 'odom')
    goal = navigate(graph, *far(graph))
    graph.until(lambda: goal.accepted and goal.feedback)
    assert goal.cancel()
    assert goal.end().status == CANCELED
    graph.until(lambda: odom and odom[-1].twist.twist.linear.x == 0.0)


def test_a_new_goal_preempts_the_old_one_which_ends_aborted(graph):
    first = navigate(graph, *far(graph))
    assert first.accepted
    second = navigate(graph, 2.5, 4.0)
    assert first.end().status == ABORTED
    assert second.end().status == SUCCEEDED


def test_a_goal_for_another_tree_does_not_preempt(graph):
    first = navigate(graph, *far(graph))
    assert first.accepted
    second = navigate(graph, 2.5, 4.0, behavior_tree='/other.xml')
    assert second.end().status == ABORTED
    assert first.end().status == SUCCEEDED


@pytest.mark.parametrize(
    ('pose', 'code'),
    [
        (at(2.5, 1.8), ComputePathToPose.Result.GOAL_OCCUPIED),
        (at(50.0, 1.0), ComputePathToPose.Result.GOAL_OUTSIDE_MAP),
        (at(10.0, 7.2), ComputePathToPose.Result.NO_VALID_PATH),
        (at(1.0, 1.0, frame='mars'), ComputePathToPose.Result.TF_ERROR),
    ],
)
def test_a_goal_out_of_reach_aborts_with_navs_error_code(graph, pose, code):
    goal = graph.send_goal(NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal(pose=pose))
    end = goal.end()
    assert (end.status, end.result.error_code) == (ABORTED, code)
    assert end.result.error_msg


def through(*poses):
    goal = NavigateThroughPoses.Goal()
    set_poses(goal, poses)
    return goal


def test_only_one_navigator_works_at_a_time(graph):
    first = navigate(graph, *far(graph))
    graph.until(lambda: first.accepted and first.feedback)
    second = graph.send_goal(
        NavigateThroughPoses,
        'navigate_through_poses',
        through(at(0.8, 4.0)),
    )
    assert second.end().status == ABORTED
    assert first.cancel()
    assert first.end().status == CANCELED


def test_it_drives_through_poses(graph):
    goal = graph.send_goal(
        NavigateThroughPoses,
        'navigate_through_poses',
        through(at(3.0, 4.0), at(3.5, 4.0), at(2.0, 4.0)),
    )
    assert goal.end().status == SUCCEEDED
    assert [feedback.number_of_poses_remaining for feedback in goal.feedback][0] == 3
    assert {feedback.number_of_poses_remaining for feedback in goal.feedback} >= {1}


def test_waypoints_out_of_reach_are_missed_and_the_rest_visited(graph):
    goal = graph.send_goal(
        FollowWaypoints,
        'follow_waypoints',
        FollowWaypoints.Goal(poses=[at(2.0, 4.0), at(50.0, 0.0), at(2.5, 4.0)]),
    )
    end = goal.end()
    assert end.status == SUCCEEDED
    assert missed(end.result) == [1]
    assert [each.error_code for each in end.result.missed_waypoints] == [
        ComputePathToPose.Result.GOAL_OUTSIDE_MAP
    ]


def test_a_computed_path_can_be_followed(graph):
    computed = graph.send_goal(
        ComputePathToPose, 'compute_path_to_pose', ComputePathToPose.Goal(goal=at(3.5, 4.0))
    ).end()
    assert computed.status == SUCCEEDED
    path = computed.result.path
    assert path.poses[-1].pose.position.x == pytest.approx(3.5)
    followed = graph.send_goal(FollowPath, 'follow_path', FollowPath.Goal(path=path))
    assert followed.end().status == SUCCEEDED
    assert followed.feedback[0].distance_to_goal >= followed.feedback[-1].distance_to_goal


def test_it_turns_on_the_spot(graph):
    goal = graph.send_goal(Spin, 'spin', Spin.Goal(target_yaw=math.pi / 2))
    end = goal.end()
    assert end.status == SUCCEEDED
    assert goal.feedback[-1].angular_distance_traveled > 0.5
    assert end.result.total_elapsed_time.nanosec > 0


def test_straight_drives_know_their_errors(graph):
    def drive(kind, action, x, speed, allowance=0.0):
        goal = kind.Goal(target=Point(x=x), speed=speed, time_allowance=duration(allowance))
        end = graph.send_goal(kind, action, goal).end()
        return end.status, end.result.error_code

    assert drive(DriveOnHeading, 'drive_on_heading', 0.3, 0.5) == (SUCCEEDED, 0)
    assert drive(BackUp, 'backup', 0.3, 0.5) == (SUCCEEDED, 0)
    codes = DriveOnHeading.Result
    assert drive(DriveOnHeading, 'drive_on_heading', 0.3, -0.5) == (ABORTED, codes.INVALID_INPUT)
    assert drive(DriveOnHeading, 'drive_on_heading', 9.0, 0.1, 0.3) == (ABORTED, codes.TIMEOUT)
    assert drive(DriveOnHeading, 'drive_on_heading', 30.0, 5.0) == (ABORTED, codes.COLLISION_AHEAD)


def test_wait_waits(graph):
    goal = graph.send_goal(Wait, 'wait', Wait.Goal(time=duration(0.4)))
    end = goal.end()
    assert end.status == SUCCEEDED
    assert 0.4 <= end.result.total_elapsed_time.nanosec * 1e-9 < 0.6


def test_it_docks_charges_and_undocks(graph):
    battery = graph.listen(BatteryState, 'battery_state')
    unknown = graph.send_goal(DockRobot, 'dock_robot', DockRobot.Goal(dock_id='nowhere')).end()
    assert (unknown.status, unknown.result.error_code) == (
        ABORTED,
        DockRobot.Result.DOCK_NOT_IN_DB,
    )
    docked = graph.send_goal(DockRobot, 'dock_robot', DockRobot.Goal(dock_id='dock'))
    end = docked.end()
    assert (end.status, end.result.success) == (SUCCEEDED, True)
    assert DockRobot.Feedback.CONTROLLING in {feedback.state for feedback in docked.feedback}
    graph.until(lambda: battery and battery[-1].current > 0.0)
    assert graph.send_goal(UndockRobot, 'undock_robot', UndockRobot.Goal()).end().status == (
        SUCCEEDED
    )
    again = graph.send_goal(UndockRobot, 'undock_robot', UndockRobot.Goal()).end()
    assert again.status == ABORTED
    graph.until(lambda: battery[-1].current < 0.0)


def test_velocity_commands_move_it_until_they_run_out(graph):
    odom = graph.listen(Odometry, 'odom')
    publisher = graph.node.create_publisher(Twist, 'cmd_vel', 10)
    graph.until(lambda: publisher.get_subscription_count() and odom)
    message = Twist()
    message.angular.z = 1.0
    publisher.publish(message)
    graph.until(lambda: odom[-1].twist.twist.angular.z > 0.5)
    graph.until(lambda: odom[-1].twist.twist.angular.z == 0.0, timeout=3.0)


def test_assisted_teleop_follows_the_stick_until_it_is_preempted(graph):
    odom = graph.listen(Odometry, 'odom')
    stick = graph.node.create_publisher(Twist, 'cmd_vel_teleop', 10)
    done = graph.node.create_publisher(Empty, 'preempt_teleop', 10)
    graph.until(lambda: stick.get_subscription_count() and done.get_subscription_count())
    goal = graph.send_goal(AssistedTeleop, 'assisted_teleop', AssistedTeleop.Goal())
    graph.until(lambda: goal.accepted and goal.feedback)
    message = Twist()
    message.angular.z = 0.5
    stick.publish(message)
    graph.until(lambda: odom and odom[-1].twist.twist.angular.z > 0.3)
    done.publish(Empty())
    assert goal.end().status == SUCCEEDED


@pytest.mark.parametrize(
    ('limit', 'slowest', 'fastest'),
    [
        (SpeedLimit(speed_limit=0.25), 0.2, 0.26),
        (SpeedLimit(speed_limit=25.0, percentage=True), 0.45, 0.51),
        (SpeedLimit(speed_limit=0.0), 0.6, 2.01),
    ],
)
def test_a_speed_limit_is_kept(graph, limit, slowest, fastest):
    odom = graph.listen(Odometry, 'odom')
    limits = graph.node.create_publisher(SpeedLimit, 'speed_limit', 10)
    graph.until(limits.get_subscription_count)
    limits.publish(limit)
    goal = graph.send_goal(
        NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal(pose=at(*far(graph)))
    )
    assert goal.accepted
    graph.until(lambda: odom and odom[-1].twist.twist.linear.x > slowest)
    reached = len(odom)
    graph.until(lambda: len(odom) > reached + 20)
    assert max(message.twist.twist.linear.x for message in odom) < fastest
    limits.publish(SpeedLimit())
    goal.cancel()
    goal.end()
    assert graph.node.destroy_publisher(limits)


@pytest.mark.parametrize('costmap', ['global_costmap', 'local_costmap'])
def test_costmaps_can_be_cleared(graph, costmap):
    graph.call(
        ClearEntireCostmap, f'{costmap}/clear_entirely_{costmap}', ClearEntireCostmap.Request()
    )


def test_the_next_goal_fails_on_demand_and_the_one_after_does_not(graph):
    node = f'{NAMESPACE}/simulated_robot'

    def wait():
        return graph.send_goal(Wait, 'wait', Wait.Goal(time=duration(1.0)))

    graph.set_parameter(node, 'fail_next', 'reject')
    assert not wait().accepted
    assert wait().accepted
    graph.set_parameter(node, 'fail_next', 'abort')
    assert wait().end().status == ABORTED
    graph.set_parameter(node, 'fail_next', 'error:102')
    end = wait().end()
    assert (end.status, end.result.error_code) == (ABORTED, 102)
    graph.set_parameter(node, 'fail_next', 'hang')
    hanging = wait()
    assert hanging.accepted
    assert not hanging.feedback
    assert hanging.cancel()
    assert hanging.end().status == CANCELED
    graph.set_parameter(node, 'fail_next', 'ignore_cancel')
    stubborn = wait()
    assert stubborn.accepted
    assert not stubborn.cancel()
    assert stubborn.end().status == SUCCEEDED
    with pytest.raises(AssertionError, match='"explode" is none of'):
        graph.set_parameter(node, 'fail_next', 'explode')


def test_acceptance_can_be_late_while_the_rest_goes_on(graph):
    node = f'{NAMESPACE}/simulated_robot'
    odom = graph.listen(Odometry, 'odom')
    graph.set_parameter(node, 'accept_delay', 0.5)
    try:
        before = graph.node.get_clock().now().nanoseconds
        goals = [graph.send_goal(Wait, 'wait', Wait.Goal(time=duration(0.1))) for _ in range(2)]
        assert all(goal.accepted for goal in goals)
        assert graph.node.get_clock().now().nanoseconds - before > 0.45e9
        assert odom
        assert {goal.end().status for goal in goals} == {ABORTED, SUCCEEDED}
    finally:
        graph.set_parameter(node, 'accept_delay', 0.0)


@pytest.mark.parametrize(
    ('arguments', 'code', 'words'),
    [
        (['--help'], 0, '--ros-args -p speed:=3.0'),
        (['--version'], 0, __version__),
        (['--sped'], 2, 'unrecognized arguments: --sped'),
        (['speed:=3.0'], 2, 'unrecognized arguments: speed:=3.0'),
        (['--hel'], 2, 'unrecognized arguments: --hel'),
        (['--ros-args', '--', 'extra'], 2, 'unrecognized arguments: extra'),
        (['--ros-args', '--nonsense'], 2, '--nonsense'),
        (['--ros-args', '-p', 'speed'], 2, 'speed'),
        (['--ros-args', '-p', 'speed:=fast'], 2, 'fast'),
    ],
)
def test_the_command_line_is_refused_as_the_bridges_is(arguments, code, words):
    ended = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'simulated_robot', *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == code
    assert words in ended.stdout + ended.stderr
    assert 'Traceback' not in ended.stderr


def plane(translation, rotation) -> tuple[float, float, float]:
    """Return x, y and yaw of a transform or a pose."""
    yaw = 2 * math.atan2(rotation.z, rotation.w)
    return translation.x, translation.y, math.remainder(yaw, math.tau)


def initial_pose(graph: RosGraph, x: float, y: float, yaw: float) -> None:
    publisher = graph.node.create_publisher(PoseWithCovarianceStamped, 'initialpose', 10)
    graph.until(lambda: publisher.get_subscription_count())
    message = PoseWithCovarianceStamped()
    message.header.frame_id = 'map'
    message.pose.pose = at(x, y, yaw).pose
    publisher.publish(message)


def test_an_initial_pose_puts_it_there_and_all_frames_agree(graph):
    odometry = graph.listen(Odometry, 'odom')
    transforms = graph.listen(TFMessage, 'tf', 100)
    poses = graph.listen(PoseWithCovarianceStamped, 'amcl_pose', LATCHED)
    graph.until(lambda: odometry and transforms and poses)
    before = pose(odometry[-1].pose.pose)
    there = (4.0, 4.0, 1.2) if poses[-1].pose.pose.position.x > 6 else (7.5, 4.0, -2.0)
    initial_pose(graph, *there)
    graph.until(lambda: plane_of(poses[-1]) == pytest.approx(there, abs=1e-6))
    # What was sent before may still be under way.
    since = stamp(poses[-1].header)
    graph.until(lambda: stamp(transforms[-1].transforms[0].header) >= since)
    graph.until(lambda: stamp(odometry[-1].header) >= since)
    after = pose(odometry[-1].pose.pose)
    assert before.distance(after) < 0.01  # The wheels did not turn.
    map_odom, odom_base = transforms[-1].transforms
    assert (map_odom.header.frame_id, map_odom.child_frame_id) == ('map', 'odom')
    x, y, yaw = plane(map_odom.transform.translation, map_odom.transform.rotation)
    dx, dy, turned = plane(odom_base.transform.translation, odom_base.transform.rotation)
    found = (
        x + math.cos(yaw) * dx - math.sin(yaw) * dy,
        y + math.sin(yaw) * dx + math.cos(yaw) * dy,
        math.remainder(yaw + turned, math.tau),
    )
    assert found == pytest.approx(there, abs=1e-6)
    assert (dx, dy) == pytest.approx((after.x, after.y), abs=0.01)


def stamp(header) -> tuple[int, int]:
    return header.stamp.sec, header.stamp.nanosec


def plane_of(message: PoseWithCovarianceStamped) -> tuple[float, float, float]:
    return plane(message.pose.pose.position, message.pose.pose.orientation)


@pytest.mark.parametrize('x', [-50.0, math.nan, math.inf, 1e200])
def test_an_initial_pose_where_there_is_no_room_moves_nothing(graph, x):
    here = position(graph)
    initial_pose(graph, x, 4.0, 0.0)
    odometry = graph.listen(Odometry, 'odom')
    graph.until(lambda: len(odometry) > 20)  # It goes on.
    assert position(graph) == here


def test_its_camera_sends_a_small_jpeg_to_who_listens(graph):
    images = graph.listen(CompressedImage, 'camera/image_raw/compressed', qos_profile_sensor_data)
    graph.until(lambda: images)
    assert images[0].format == 'jpeg'
    picture = PIL.Image.open(io.BytesIO(bytes(images[0].data)))
    assert (picture.format, picture.size) == ('JPEG', (240, 160))
    assert len(images[0].data) < 20_000
