# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the built-in groups make of a robot's topics."""

import io
import math
import sys
from time import monotonic, sleep
from types import SimpleNamespace

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, Quaternion, Transform, TransformStamped, Twist
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav_msgs.msg import OccupancyGrid, Path
import numpy
import PIL.Image
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image

from xparo_bridge.robot.telemetry.groups.system import _temperatures
from xparo_bridge.ros.problems import Problems

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


def test_nodes_reports_what_is_missing_and_what_is_not_active(graph, telemeter):
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


def jpeg_of(width, height):
    file = io.BytesIO()
    PIL.Image.new('RGB', (width, height), 'red').save(file, 'JPEG')
    return file.getvalue()


# Images come by events where the period is short, and are asked for where it is long.
both_ways = pytest.mark.parametrize('period', [0.02, 0.2])


@both_ways
def test_images_are_sent_only_while_watched(graph, telemeter, period):
    telemetry = telemeter({'period': 0.05, 'groups': {'system': {}, 'image': {'period': period}}})
    publisher = graph.robot.create_publisher(CompressedImage, '/camera/image_raw/compressed', 1)
    jpeg = jpeg_of(64, 32)
    image = CompressedImage(format='jpeg', data=jpeg)
    graph.publish_until(publisher, image, lambda: len(telemetry.sent) > 5)
    assert 'image' not in telemetry.latest
    telemetry.publisher.enable('image', True)
    graph.publish_until(publisher, image, lambda: 'image' in telemetry.latest)
    assert telemetry.latest['image'] == {
        'format': 'jpeg',
        'stamp': 0.0,
        'data': jpeg,
    }
    telemetry.publisher.enable('image', False)
    assert graph.node.count_subscribers('/camera/image_raw/compressed') == 0


@both_ways
def test_a_raw_image_is_encoded(graph, telemeter, period):
    telemetry = telemeter(
        {
            'period': period,
            'groups': {
                'image': {'enabled': True, 'topic': '/camera/image_raw', 'max_bytes': 2000}
            },
        }
    )
    publisher = graph.robot.create_publisher(Image, '/camera/image_raw', 1)
    image = Image(height=120, width=160, encoding='rgb8', step=480, data=bytes(120 * 480))
    graph.publish_until(publisher, image, lambda: telemetry.sent)
    sent = telemetry.latest['image']
    assert sent['format'] == 'jpeg'
    assert len(sent['data']) <= 2000


def image_of(number):
    """A JPEG of so many pixels, and its number as the time."""
    image = CompressedImage(format='jpeg', data=jpeg_of(16, 16))
    image.header.stamp.sec = number
    return image


def stamps(telemetry):
    """Numbers of the images that were sent."""
    return [sent.values['image']['stamp'] for sent in telemetry.sent if 'image' in sent.values]


def image_telemeter(graph, telemeter, period):
    telemetry = telemeter(
        {'groups': {'image': {'enabled': True, 'topic': '/image', 'period': period}}}
    )
    publisher = graph.robot.create_publisher(CompressedImage, '/image', 10)
    graph.spin_until(lambda: publisher.get_subscription_count())
    return telemetry, publisher


def test_an_image_is_sent_when_it_comes_and_not_at_the_next_period(graph, telemeter):
    telemetry, publisher = image_telemeter(graph, telemeter, 0.02)
    for number in range(10):
        publisher.publish(image_of(number))
        # The node is not spun: no timer of its has brought it.
        end = monotonic() + 10.0
        while stamps(telemetry)[-1:] != [number] and monotonic() < end:
            sleep(0.001)
        assert stamps(telemetry) == list(range(number + 1))
        sleep(0.02)


def test_images_come_no_faster_than_their_period_and_the_last_is_not_lost(graph, telemeter):
    telemetry, publisher = image_telemeter(graph, telemeter, 0.09)
    began = monotonic()
    for number in range(40):
        publisher.publish(image_of(number))
        sleep(0.005)
    graph.spin_until(lambda: stamps(telemetry)[-1:] == [39])
    assert stamps(telemetry) == sorted(set(stamps(telemetry)))
    assert len(stamps(telemetry)) <= (monotonic() - began) / 0.09 + 2


def test_images_go_on_when_their_rate_is_changed_and_are_over_when_switched_off(graph, telemeter):
    telemetry, publisher = image_telemeter(graph, telemeter, 0.02)
    for number, rate in enumerate((50.0, 2.0, 50.0, 5.0, 20.0)):
        telemetry.publisher.set_rate('image', rate)
        graph.publish_until(
            publisher, image_of(number), lambda n=number: stamps(telemetry)[-1:] == [n]
        )
    telemetry.publisher.enable('image', False)
    graph.spin_until(lambda: not publisher.get_subscription_count())
    assert graph.node.count_subscribers('/image') == 0


def test_a_file_that_need_not_be_encoded_needs_no_pillow(graph, telemeter, monkeypatch):
    image = image_of(7)
    monkeypatch.setitem(sys.modules, 'PIL', None)
    monkeypatch.setitem(sys.modules, 'PIL.Image', None)
    telemetry, publisher = image_telemeter(graph, telemeter, 0.02)
    graph.publish_until(publisher, image, lambda: stamps(telemetry))
    assert telemetry.latest['image']['data'] == bytes(image.data)


def test_a_group_that_fails_does_not_silence_the_others(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'map': {}, 'system': {}}})
    broken = OccupancyGrid()
    broken.info.width = broken.info.height = 3
    publisher = graph.robot.create_publisher(OccupancyGrid, '/map', 1)
    graph.publish_until(publisher, broken, lambda: len(telemetry.sent) > 30)
    assert '3 x 3 with 0 cells' in Problems.of(graph.node).now['telemetry of /map']
    assert 'cpu_usage' in telemetry.sent[-1].values


BAD_IMAGES = [
    {'encoding': 'yuyv', 'step': 5},
    {'encoding': 'no_such', 'step': 480},
    {'encoding': 'rgb8', 'step': 480, 'data': bytes(10)},
    {'encoding': 'rgb8', 'height': 0, 'width': 0, 'step': 0, 'data': b''},
    {'encoding': 'bayer_rggb8', 'step': 1},
]


@both_ways
def test_one_bad_image_costs_that_image(graph, telemeter, period):
    telemetry = telemeter(
        {
            'period': period,
            'groups': {'image': {'enabled': True, 'topic': '/camera/image_raw'}},
        }
    )
    publisher = graph.robot.create_publisher(Image, '/camera/image_raw', 1)
    good = {'height': 120, 'width': 160, 'encoding': 'rgb8', 'step': 480}
    good['data'] = bytes(120 * 480)
    problems = Problems.of(graph.node)
    name = 'telemetry of /camera/image_raw'
    for bad in BAD_IMAGES:
        telemetry.sent.clear()
        graph.publish_until(publisher, Image(**{**good, **bad}), lambda: name in problems.now)
        graph.publish_until(
            publisher, Image(**good), lambda: telemetry.sent and name not in problems.now
        )


def test_without_pillow_images_are_left_out_with_what_to_install(graph, telemeter, monkeypatch):
    monkeypatch.setitem(sys.modules, 'PIL', None)
    monkeypatch.setitem(sys.modules, 'PIL.Image', None)
    telemetry = telemeter(
        {'period': 0.05, 'groups': {'image': {'enabled': True, 'topic': '/image'}, 'system': {}}}
    )
    publisher = graph.robot.create_publisher(Image, '/image', 1)
    image = Image(height=1, width=1, encoding='rgb8', step=3, data=bytes(3))
    problems = Problems.of(graph.node)
    graph.publish_until(publisher, image, lambda: 'telemetry of /image' in problems.now)
    assert problems.now['telemetry of /image'] == 'images are left out: install python3-pil'
    graph.spin_until(lambda: 'cpu_usage' in telemetry.latest)
    assert 'image' not in telemetry.latest


def test_what_the_computer_cannot_say_costs_itself_and_no_other(graph, telemeter, monkeypatch):
    def hang_up():
        raise OSError('the sensor hangs up')

    monkeypatch.setattr('psutil.sensors_temperatures', hang_up)
    settings = {'temperatures': True, 'disk': '/no/such/folder', 'uptime': True}
    telemetry = telemeter({'period': 0.05, 'groups': {'system': settings}})
    graph.spin_until(lambda: telemetry.sent)
    assert set(telemetry.latest) == {'cpu_usage', 'memory_usage', 'uptime'}
    problems = Problems.of(graph.node).now
    assert 'the sensor hangs up' in problems['telemetry temperatures']
    assert '/no/such/folder' in problems['telemetry disk_usage']
    telemetry.publisher.stop()
    assert not Problems.of(graph.node).now  # Nobody wants them any more.


def test_of_two_sensors_of_one_name_none_takes_the_other_s_place(monkeypatch):
    sensor = SimpleNamespace
    found = {
        'nvme': [
            sensor(label='Composite', current=40.0),
            sensor(label='Composite', current=70.0),
            sensor(label='', current=math.nan),
        ]
    }
    monkeypatch.setattr('psutil.sensors_temperatures', lambda: found)
    assert _temperatures() == {'nvme/Composite': 40.0, 'nvme/Composite#2': 70.0}
