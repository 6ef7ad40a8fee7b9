# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The pose is the robot's own, of now, or it is left out."""

from collections.abc import Iterator
from contextlib import contextmanager
import math
from time import monotonic

from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import Odometry
import pytest
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from xparo_bridge.ros.problems import Problems
from xparo_bridge.ros.transforms import TransformListener

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def stamped(parent: str, child: str, x: float = 0.0, w: float = 1.0) -> TransformStamped:
    made = TransformStamped(child_frame_id=child)
    made.header.frame_id = parent
    made.transform.translation.x = x
    made.transform.rotation.w = w
    return made


class Tf:
    """A robot that publishes on its topic of transforms, stamped now."""

    def __init__(self, node: Node, topic: str = '/tf', qos: QoSProfile | int = 10) -> None:
        self._node = node
        self._publisher = node.create_publisher(TFMessage, topic, qos)

    def publish(self, *transforms: TransformStamped) -> None:
        for transform in transforms:
            transform.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(TFMessage(transforms=transforms))


def test_a_pose_whose_transforms_stop_is_left_out_and_comes_again(graph, telemeter, capfd):
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {'max_age': 1.0}}})
    tf = Tf(graph.robot)
    whole = stamped('map', 'odom', 1.0), stamped('odom', 'base_link', 2.0)

    def drive(*transforms):
        tf.publish(*transforms)
        return telemetry.sent

    graph.spin_until(lambda: drive(*whole))
    assert telemetry.latest['pose']['x'] == 3.0
    # Only odometry goes on: the localization is dead.
    begin = monotonic()
    graph.spin_until(lambda: drive(whole[1]) and monotonic() - begin > 1.5)
    telemetry.sent.clear()
    begin = monotonic()
    graph.spin_until(lambda: (drive(whole[1]), monotonic() - begin > 1.0)[1])
    assert not telemetry.sent
    assert 'the transform of odom has not come' in Problems.of(graph.node).now['telemetry pose']
    graph.spin_until(lambda: drive(*whole))
    assert 'telemetry pose' not in Problems.of(graph.node).now
    said = capfd.readouterr().err
    assert said.count('the transform of odom has not come for 1 s') == 1


SPOILT = [
    (stamped('odom', 'base_link', math.nan), 'NaN'),
    (stamped('odom', 'base_link', 1.0, w=0.0), 'length 0'),
    (stamped('odom', 'base_link', 1.0, w=1.1), 'length 1.1'),
    (stamped('odom', 'base_link', 1.0, w=2.0), 'length 2'),
    (stamped('odom', 'base_link', 1.0, w=math.nan), 'NaN'),
]


def test_spoilt_transforms_give_no_pose_and_are_said_once(graph, telemeter, capfd):
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {}}})
    tf = Tf(graph.robot)
    name = 'transform odom -> base_link'
    problems = Problems.of(graph.node)
    for spoilt, problem in SPOILT:

        def publish(spoilt=spoilt, problem=problem):
            tf.publish(stamped('map', 'odom'), spoilt)
            return problem in problems.now.get(name, '')

        graph.spin_until(publish)
        end = monotonic() + 0.2
        graph.spin_until(lambda publish=publish, end=end: publish() and monotonic() > end)
    assert not telemetry.sent
    # A NaN and a wrong length; that the length is another one is no news.
    assert capfd.readouterr().err.count(f'{name}: ignored') == 2


@pytest.mark.parametrize('first', ['latched', 'volatile'])
def test_static_transforms_are_heard_of_publishers_that_keep_them_and_of_others(
    graph, telemeter, first
):
    Tf(graph.robot, '/tf_static', LATCHED).publish(stamped('map', 'odom', 1.0))
    if first == 'volatile':
        volatile = Tf(graph.robot, '/tf_static', 1)
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {}}})
    if first == 'latched':
        listener = TransformListener.acquire(graph.node)
        graph.spin_until(lambda: (listener.update(), listener.tree.place('map', 'odom'))[1])
        listener.close()
        volatile = Tf(graph.robot, '/tf_static', 1)

    def publish():
        volatile.publish(stamped('odom', 'base_link', 2.0))
        return telemetry.sent

    graph.spin_until(publish)
    assert telemetry.latest['pose']['x'] == 3.0
    said = 'not all publishers of /tf_static keep what they have sent'
    graph.spin_until(lambda: said in Problems.of(graph.node).now.get('static transforms', ''))


@contextmanager
def bridge_node(graph, namespace: str, *remaps: str) -> Iterator[Node]:
    arguments = ['--ros-args', *(part for remap in remaps for part in ('-r', remap))]
    node = rclpy.create_node(
        'namespaced', namespace=namespace, context=graph.context, cli_args=arguments
    )
    try:
        yield node
    finally:
        node.destroy_node()


# Namespace and remappings of a bridge, and where its robot is.
WIRINGS = [
    ('/', (), 9.0),
    ('/robot_1', (), 1.0),
    ('/robot_2', (), 2.0),
    ('/robot_1', ('/tf:=tf', '/tf_static:=tf_static'), 1.0),
    ('/robot_1', ('tf:=/tf', 'tf_static:=/tf_static'), 9.0),
    ('/', ('/tf:=/robot_2/tf',), 2.0),
    ('/', ('tf:=robot_2/tf',), 2.0),
]


def test_a_robot_of_a_fleet_has_its_own_place(graph):
    fleet = {9.0: Tf(graph.robot), 1.0: Tf(graph.robot, '/robot_1/tf')}
    fleet[2.0] = Tf(graph.robot, '/robot_2/tf')

    def found(listener):
        for at, robot in fleet.items():
            robot.publish(stamped('map', 'base_link', at))
        listener.refresh()
        listener.update()
        return listener.tree.place('map', 'base_link')

    for namespace, remaps, x in WIRINGS:
        with bridge_node(graph, namespace, *remaps) as node:
            listener = TransformListener.acquire(node)
            graph.spin_until(lambda listener=listener: found(listener))
            assert {found(listener).transform.translation[0] for _ in range(5)} == {x}
            listener.close()


def test_all_of_a_node_share_one_listener(graph):
    one, two = TransformListener.acquire(graph.node), TransformListener.acquire(graph.node)
    tf = Tf(graph.robot)
    graph.spin_until(
        lambda: (
            tf.publish(stamped('map', 'base_link')),
            two.refresh(),
            two.update(),
            one.tree.place('map', 'base_link'),
        )[-1]
    )
    assert graph.node.count_subscribers('/tf') == 1
    one.close()
    assert graph.node.count_subscribers('/tf') == 1
    two.close()
    assert graph.node.count_subscribers('/tf') == 0


def test_a_pose_of_a_topic_with_a_nan_is_left_out(graph, telemeter, spoilt=math.nan):
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {'topic': '/odom'}}})
    publisher = graph.robot.create_publisher(Odometry, '/odom', 1)
    odometry = Odometry()
    odometry.pose.pose.position.y = spoilt
    problems = Problems.of(graph.node)
    graph.publish_until(publisher, odometry, lambda: 'telemetry of /odom' in problems.now)
    assert not telemetry.sent
    odometry.pose.pose.position.y = 1.0
    graph.publish_until(publisher, odometry, lambda: telemetry.sent)
    assert telemetry.latest['pose']['y'] == 1.0
    assert not problems.now


ROTATIONS = [
    ({'w': 0.0}, None),
    ({'w': 2.0}, 0.0),
    ({'z': math.nan}, None),
    ({'z': 2.0, 'w': 0.0}, math.pi),
    ({'z': 2.0, 'w': 2.0}, math.pi / 2),
]


def test_a_rotation_that_is_none_has_no_yaw_and_a_long_one_the_right_one(graph, telemeter):
    kind = 'geometry_msgs/msg/PoseStamped'
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {'topic': '/here', 'type': kind}}})
    publisher = graph.robot.create_publisher(PoseStamped, '/here', 1)
    for number, (rotation, yaw) in enumerate(ROTATIONS):
        pose = PoseStamped()
        pose.header.frame_id = '/map'
        pose.pose.position.x = float(number)
        for name, value in rotation.items():
            setattr(pose.pose.orientation, name, value)
        graph.publish_until(
            publisher,
            pose,
            lambda number=number: telemetry.latest.get('pose', {}).get('x') == number,
        )
        found = telemetry.latest['pose']
        assert found.get('yaw') == (yaw and pytest.approx(yaw, abs=1e-3))
        assert found['frame'] == 'map'


def test_without_a_map_the_pose_is_that_of_odometry_until_there_is_a_map(
    graph, telemeter, monkeypatch
):
    monkeypatch.setattr('xparo_bridge.robot.telemetry.groups.pose._GRACE', 0.2)
    telemetry = telemeter({'period': 0.05, 'groups': {'pose': {}}})
    tf = Tf(graph.robot)
    publisher = graph.robot.create_publisher(Odometry, '/odom', 1)
    odometry = Odometry()
    odometry.header.frame_id = 'odom'
    odometry.pose.pose.position.x = 5.0
    odometry.pose.pose.orientation.w = 1.0

    def drive(*transforms):
        tf.publish(stamped('odom', 'base_link', 5.0), *transforms)
        publisher.publish(odometry)
        return telemetry.latest.get('pose', {}).get('frame')

    graph.spin_until(lambda: drive() == 'odom')
    assert telemetry.latest['pose']['x'] == 5.0
    graph.spin_until(lambda: drive(stamped('map', 'odom', 1.0)) == 'map')
    assert telemetry.latest['pose']['x'] == 6.0
    telemetry.sent.clear()
    end = monotonic() + 0.5
    graph.spin_until(lambda: drive(stamped('map', 'odom', 1.0)) and monotonic() > end)
    assert {sent.values['pose']['frame'] for sent in telemetry.sent} == {'map'}
