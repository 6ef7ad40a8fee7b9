# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the built-in groups make of a robot's topics."""

import math

from action_msgs.msg import GoalStatus, GoalStatusArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, Quaternion, Transform, TransformStamped, Twist
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav_msgs.msg import OccupancyGrid, Path
import numpy
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_velocity_is_taken_of_a_twist_too(graph, telemeter):
    telemetry = telemeter(
        {
            'period': 0.05,
            'groups': {'velocity': {'topic': '/cmd_vel', 'type': 'geometry_msgs/msg/Twist'}},
        }
    )
    publisher = graph.robot.create_publisher(Twist, '/cmd_vel', 1)
    twist = Twist()
    twist.linear.x, twist.linear.y, twist.angular.z = 0.5, -0.25, 1.0
    graph.publish_until(publisher, twist, lambda: telemetry.sent)
    assert telemetry.latest['velocity'] == {'linear': 0.5, 'lateral': -0.25, 'angular': 1.0}


def test_pose_is_looked_up_in_tf(graph, telemeter):
    tf = pytest.importorskip('tf2_msgs.msg').TFMessage
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {}}})
    static = graph.robot.create_publisher(tf, '/tf_static', LATCHED)
    moving = graph.robot.create_publisher(tf, '/tf', 10)

    def stamped(parent, child, x, yaw):
        made = TransformStamped(
            child_frame_id=child,
            transform=Transform(rotation=Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))),
        )
        made.header.frame_id = parent
        made.transform.translation.x = x
        return made

    static.publish(tf(transforms=[stamped('base_footprint', 'base_link', 0.5, 0.0)]))
    graph.publish_until(
        moving,
        tf(
            transforms=[
                stamped('map', 'odom', 1.0, math.pi / 2),
                stamped('odom', 'base_footprint', 2.0, 0.0),
            ]
        ),
        lambda: telemetry.sent,
    )
    assert telemetry.latest['pose'] == {
        'x': 1.0,
        'y': 2.5,
        'yaw': round(math.pi / 2, 4),
        'frame': 'map',
    }


def test_diagnostics_are_folded_to_the_worst_level_and_what_is_not_ok(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'diagnostics': {'stale_after': 0.5}}})
    publisher = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)

    def array(**levels):
        return DiagnosticArray(
            status=[
                DiagnosticStatus(name=name, level=bytes([level]), message=f'{name} says')
                for name, level in levels.items()
            ]
        )

    def two_nodes_speak():
        publisher.publish(array(motor=1, laser=0))
        publisher.publish(array(arm=2))
        return telemetry.latest.get('diagnostics', {}).get('total') == 3

    graph.spin_until(two_nodes_speak)
    assert telemetry.latest['diagnostics'] == {
        'level': 'ERROR',
        'total': 3,
        'not_ok': [
            {'name': 'arm', 'level': 'ERROR', 'message': 'arm says'},
            {'name': 'motor', 'level': 'WARN', 'message': 'motor says'},
        ],
    }
    graph.publish_until(
        publisher,
        array(motor=0, laser=0),
        lambda: telemetry.latest['diagnostics']['level'] == 'STALE',
    )
    assert [part['name'] for part in telemetry.latest['diagnostics']['not_ok']] == ['arm']


def test_navigation_follows_the_newest_goal(graph, telemeter):
    nav2 = pytest.importorskip('nav2_msgs.action')
    telemetry = telemeter({'period': 0.05, 'groups': {'navigation': {}}})
    status = graph.robot.create_publisher(
        GoalStatusArray, '/navigate_to_pose/_action/status', LATCHED
    )
    feedback = graph.robot.create_publisher(
        nav2.NavigateToPose.Impl.FeedbackMessage, '/navigate_to_pose/_action/feedback', 10
    )
    plan = graph.robot.create_publisher(Path, '/plan', 10)

    def goals(*states):
        array = GoalStatusArray(status_list=[GoalStatus(status=state) for state in states])
        for number, goal in enumerate(array.status_list):
            goal.goal_info.stamp.sec = number
        return array

    going = nav2.NavigateToPose.Impl.FeedbackMessage()
    going.feedback.distance_remaining = 2.5
    going.feedback.number_of_recoveries = 1
    way = Path(poses=[PoseStamped(), PoseStamped()])
    way.header.frame_id = 'map'
    way.poses[1].pose.position.x = 4.0

    def drive():
        status.publish(goals(GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_EXECUTING))
        feedback.publish(going)
        plan.publish(way)
        return {'distance', 'goal'} <= telemetry.latest.get('navigation', {}).keys()

    graph.spin_until(drive)
    assert telemetry.latest['navigation'] == {
        'state': 'executing',
        'distance': 2.5,
        'recoveries': 1,
        'elapsed': 0.0,
        'remaining': 0.0,
        'goal': {'x': 4.0, 'y': 0.0, 'yaw': 0.0, 'frame': 'map'},
    }
    graph.publish_until(
        status,
        goals(GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED),
        lambda: telemetry.latest['navigation']['state'] == 'aborted',
    )
    assert 'distance' not in telemetry.latest['navigation']


def test_nodes_tells_what_is_missing_and_what_is_not_active(graph, telemeter):
    telemetry = telemeter(
        {
            'groups': {
                'nodes': {
                    'period': 0.05,
                    'nodes': ['/robot', '/planner'],
                    'topics': ['/map', '/rosout'],
                    'lifecycle': ['/robot', '/bt_navigator'],
                }
            }
        }
    )

    def answer(request, response):
        response.current_state = State(label=label)
        return response

    label = 'inactive'
    graph.robot.create_service(GetState, '/robot/get_state', answer)
    graph.spin_until(
        lambda: telemetry.latest.get('nodes', {}).get('lifecycle') == {'/robot': 'inactive'}
    )
    assert telemetry.latest['nodes']['missing_nodes'] == ['/planner', '/bt_navigator']
    assert telemetry.latest['nodes']['missing_topics'] == ['/map']
    label = 'active'
    graph.spin_until(lambda: telemetry.latest['nodes']['lifecycle'] == {})


def test_a_plan_is_thinned_and_sent_once(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'plan': {'points': 3}, 'system': {}}})
    way = Path(poses=[PoseStamped() for _ in range(101)])
    way.header.frame_id = 'map'
    for number, pose in enumerate(way.poses):
        pose.pose.position.x = number / 10
    publisher = graph.robot.create_publisher(Path, '/plan', 1)
    graph.publish_until(publisher, way, lambda: 'plan' in telemetry.latest)
    assert telemetry.latest['plan'] == {
        'frame': 'map',
        'points': [[0.0, 0.0], [5.0, 0.0], [10.0, 0.0]],
    }
    telemetry.sent.clear()
    graph.publish_until(publisher, way, lambda: len(telemetry.sent) > 3)
    assert 'plan' not in telemetry.latest


def test_a_map_is_thinned_so_that_no_obstacle_is_lost(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'map': {'cells': 6}}})
    grid = OccupancyGrid()
    grid.header.frame_id = 'map'
    grid.info.width, grid.info.height, grid.info.resolution = 5, 4, 0.5
    grid.info.origin.position.x = -1.0
    cells = numpy.zeros((4, 5), numpy.int8)
    cells[1, 1], cells[3, 4], cells[0, 4], cells[1, 4] = 100, 70, -1, -1
    grid.data = cells.flatten().tolist()
    publisher = graph.robot.create_publisher(OccupancyGrid, '/map', LATCHED)
    publisher.publish(grid)
    graph.spin_until(lambda: telemetry.sent)
    sent = telemetry.latest['map']
    assert numpy.frombuffer(sent.pop('cells'), numpy.int8).tolist() == [100, 0, -1, 0, 0, 70]
    assert sent == {
        'frame': 'map',
        'width': 3,
        'height': 2,
        'resolution': 1.0,
        'origin': {'x': -1.0, 'y': 0.0, 'yaw': 0.0},
    }


def test_images_are_sent_only_while_watched(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'system': {}, 'image': {}}})
    publisher = graph.robot.create_publisher(CompressedImage, '/camera/image_raw/compressed', 1)
    image = CompressedImage(format='jpeg', data=b'\xff\xd8 as it is \xff\xd9')
    graph.publish_until(publisher, image, lambda: len(telemetry.sent) > 5)
    assert 'image' not in telemetry.latest
    telemetry.publisher.enable('image', True)
    graph.publish_until(publisher, image, lambda: 'image' in telemetry.latest)
    assert telemetry.latest['image'] == {
        'format': 'jpeg',
        'stamp': 0.0,
        'data': b'\xff\xd8 as it is \xff\xd9',
    }
    telemetry.publisher.enable('image', False)
    assert graph.node.count_subscribers('/camera/image_raw/compressed') == 0


def test_a_raw_image_is_encoded(graph, telemeter):
    telemetry = telemeter(
        {
            'period': 0.05,
            'groups': {
                'image': {'enabled': True, 'topic': '/camera/image_raw', 'max_bytes': 2000}
            },
        }
    )
    publisher = graph.robot.create_publisher(Image, '/camera/image_raw', 1)
    image = Image(height=120, width=160, encoding='rgb8', step=480, data=bytes(120 * 480))
    graph.publish_until(publisher, image, lambda: telemetry.sent)
    sent = telemetry.latest['image']
    assert sent['format'] in ('png', 'jpeg')
    assert len(sent['data']) <= 2000


def test_a_group_that_fails_does_not_silence_the_others(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'map': {}, 'system': {}}})
    broken = OccupancyGrid()
    broken.info.width = broken.info.height = 3
    publisher = graph.robot.create_publisher(OccupancyGrid, '/map', 1)
    graph.publish_until(publisher, broken, lambda: len(telemetry.sent) > 30)
    assert 'cpu_usage' in telemetry.sent[-1].values
