# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the configuration names and nobody serves is said once, and again when it is there."""

from collections.abc import Iterator
from time import monotonic

from fixtures.ros_graph import destroy, RosGraph
from nav2_msgs.action import DockRobot, NavigateToPose
import pytest
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.action import ActionServer
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int32, String
from std_srvs.srv import SetBool, Trigger

from xparo_bridge.ros import entities, presence
from xparo_bridge.ros.presence import Presence
from xparo_bridge.ros.problems import Problems
from xparo_bridge.ros.subscription import TopicSubscription

GRACE = 0.5


class Robot:
    """A bridge's node, and one that serves what it is told to."""

    def __init__(self, graph: RosGraph) -> None:
        self.graph = graph
        self.bridge = graph.node
        # In a context of its own: within one DDS does not allow two types for one name.
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node('robot', context=self.context)
        self.presence = Presence.of(self.bridge)

    @property
    def problems(self) -> dict[str, str]:
        return dict(Problems.of(self.bridge).now)

    def serve_action(self, kind, name):
        ActionServer(self.node, kind, name, lambda handle: kind.Result())

    def serve(self, kind, name):
        return self.node.create_service(kind, name, lambda request, response: response)


@pytest.fixture
def robot(monkeypatch) -> Iterator[Robot]:
    monkeypatch.setattr(presence, 'GRACE', GRACE)
    monkeypatch.setattr(presence, '_PERIOD', 0.1)
    monkeypatch.setattr(presence, 'HINT_PERIOD', 0.1)
    with RosGraph('xparo_bridge') as graph:
        made = Robot(graph)
        yield made
        destroy(made.node)
        rclpy.shutdown(context=made.context)


def test_an_absent_action_server_is_named_with_what_has_its_type_and_solved_when_it_comes(
    robot, capfd
):
    name = 'action /navigate_to_pose'
    robot.serve_action(NavigateToPose, '/robot_1/navigate_to_pose')
    client = entities.action_client(robot.bridge, NavigateToPose, 'navigate_to_pose')
    robot.presence.expect_action('navigate_to_pose', NavigateToPose, 'command go')
    robot.presence.expect_action('navigate_to_pose', NavigateToPose, 'command patrol')
    robot.graph.until(lambda: 'has this type' in robot.problems.get(name, ''))
    assert robot.problems[name] == (
        'configured for command go, command patrol, but there is no action server; '
        '/robot_1/navigate_to_pose has this type'
    )
    robot.serve_action(NavigateToPose, '/navigate_to_pose')
    robot.graph.until(lambda: name not in robot.problems)
    assert capfd.readouterr().err.count('action /navigate_to_pose: is there now') == 1
    client.destroy()


def test_an_action_server_of_another_type_is_none(robot):
    robot.serve_action(DockRobot, '/dock')
    client = entities.action_client(robot.bridge, NavigateToPose, 'dock')
    robot.presence.expect_action('dock', NavigateToPose, 'command go')
    robot.graph.until(
        lambda: (
            'served as nav2_msgs/action/DockRobot, expected nav2_msgs/action/NavigateToPose'
            in robot.problems.get('action /dock', '')
        )
    )
    client.destroy()


def test_nothing_is_said_of_what_is_there_nor_before_its_time(robot):
    robot.serve(Trigger, '/reset')
    entities.client(robot.bridge, Trigger, '/reset')
    robot.graph.until(lambda: robot.bridge.count_services('/reset'))
    robot.presence.expect_service('/reset', Trigger, 'command reset')
    robot.presence.expect_service('/later', Trigger, 'command later')
    end = monotonic() + GRACE / 2
    robot.graph.until(lambda: monotonic() > end)
    assert not robot.problems
    robot.graph.until(lambda: 'service /later' in robot.problems)
    assert list(robot.problems) == ['service /later']


@pytest.mark.parametrize(
    ('served', 'kind', 'words'),
    [
        ('/rest', SetBool, 'there is no service server; did you mean /rest?'),
        ('/far/away', Trigger, 'there is no service server; /far/away has this type'),
        ('/reset', SetBool, 'served as std_srvs/srv/SetBool, expected std_srvs/srv/Trigger'),
    ],
)
def test_an_absent_service_is_named_with_what_may_be_meant(robot, served, kind, words):
    robot.serve(kind, served)
    entities.client(robot.bridge, Trigger, '/reset')
    robot.presence.expect_service('/reset', Trigger, 'command reset')
    robot.graph.until(lambda: words in robot.problems.get('service /reset', ''))


def test_that_no_other_node_is_found_is_said_before_what_is_missing_for_want_of_it(
    robot, monkeypatch
):
    monkeypatch.setenv('ROS_DOMAIN_ID', '97')
    robot.presence.expect_service('/reset', Trigger, 'command reset')
    robot.graph.until(lambda: robot.problems)
    assert list(robot.problems) == ['service /reset']
    destroy(robot.node)
    robot.graph.until(lambda: 'ROS graph' in robot.problems)
    assert 'no other node is found in domain 97' in robot.problems['ROS graph']
    robot.node = rclpy.create_node('robot', context=robot.context)
    robot.graph.until(lambda: 'ROS graph' not in robot.problems)


@pytest.mark.parametrize(
    ('node', 'words'),
    [
        ('/controler', 'there is no service server; did you mean /controller/set_parameters?'),
        ('/planner', 'there is no service server'),
    ],
)
def test_of_services_that_each_node_has_only_those_of_nodes_alike_may_be_meant(robot, node, words):
    robot.serve(SetParameters, '/controller/set_parameters')
    robot.presence.expect_service(f'{node}/set_parameters', SetParameters, 'command tune')
    name = f'service {node}/set_parameters'
    robot.graph.until(lambda: name in robot.problems)
    assert robot.problems[name].endswith(words)


@pytest.mark.parametrize(
    ('kind', 'qos', 'words'),
    [
        (None, None, 'nobody subscribes to it'),
        (
            Int32,
            QoSProfile(depth=1),
            'subscribed to as std_msgs/msg/Int32, expected std_msgs/msg/',
        ),
        (
            String,
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
            'the QoS of robot does not fit: ',
        ),
        (
            String,
            QoSProfile(
                depth=1, deadline=Duration(seconds=1), liveliness=LivelinessPolicy.MANUAL_BY_TOPIC
            ),
            "subscription's is manual by topic",
        ),
    ],
)
def test_a_topic_that_nobody_can_hear_says_why(robot, kind, qos, words):
    if kind is not None:
        robot.node.create_subscription(kind, '/led', print, qos)
    ours = QoSProfile(depth=1)
    entities.publisher(robot.bridge, String, '/led', ours)
    robot.presence.expect_subscriber('/led', String, 'command led')
    robot.graph.until(lambda: words in robot.problems.get('subscribers of /led', ''))
    assert 'ERROR' not in robot.problems['subscribers of /led']
    for old in list(robot.node.subscriptions):
        robot.node.destroy_subscription(old)
    robot.node.create_subscription(String, '/led', print, 1)
    robot.graph.until(lambda: not robot.problems)


def test_what_is_expected_no_more_is_no_problem_any_more(robot):
    robot.presence.expect_service('/reset', Trigger, 'command reset')
    robot.graph.until(lambda: robot.problems)
    robot.presence.forget('command reset')
    assert not robot.problems


@pytest.mark.parametrize(
    ('kind', 'published', 'publisher', 'words'),
    [
        ('std_msgs/msg/Int32', '/battery_state', Int32, '; /battery_state has this type'),
        ('', '/batery', Int32, '; did you mean /batery?'),
        ('', '/battery_state', Int32, '; did you mean /battery_state?'),
        ('', '/robot_1/battery', Int32, '; did you mean /robot_1/battery?'),
        (
            'std_msgs/msg/Int32',
            '/battery',
            String,
            'is published as std_msgs/msg/String, expected',
        ),
    ],
)
def test_a_topic_that_nobody_publishes_is_named_with_what_may_be_meant(
    robot, kind, published, publisher, words
):
    robot.node.create_publisher(publisher, published, 1)
    subscription = TopicSubscription(robot.bridge, '/battery', kind)

    def said():
        subscription.refresh()
        return words in robot.problems.get('topic /battery', '')

    robot.graph.until(said)
    for old in list(robot.node.publishers):
        robot.node.destroy_publisher(old)
    robot.node.create_publisher(Int32, '/battery', 1)
    robot.graph.until(lambda: (subscription.refresh(), not robot.problems)[1])
    subscription.forget()


def test_a_type_that_is_installed_later_is_read_then(robot, tmp_path, monkeypatch):
    monkeypatch.setattr('xparo_bridge.ros.subscription._RETRY', 0.2)
    monkeypatch.syspath_prepend(str(tmp_path))
    robot.node.create_publisher(Int32, '/value', 1)
    subscription = TopicSubscription(robot.bridge, '/value')
    # As a publisher says it whose package this robot does not have.
    find = robot.bridge.get_publishers_info_by_topic

    def elsewhere(topic):
        found = find(topic)
        for one in found:
            one.topic_type = 'late_msgs/msg/Int32'
        return found

    monkeypatch.setattr(robot.bridge, 'get_publishers_info_by_topic', elsewhere)
    robot.graph.until(
        lambda: (
            subscription.refresh(),
            'package late_msgs is not installed' in robot.problems.get('topic /value', ''),
        )[1]
    )
    package = tmp_path / 'late_msgs' / 'msg'
    package.mkdir(parents=True)
    (package.parent / '__init__.py').touch()
    (package / '__init__.py').write_text('from std_msgs.msg import Int32\n')
    robot.graph.until(lambda: (subscription.refresh(), not robot.problems)[1])
    subscription.forget()


def test_a_qos_that_does_not_fit_by_reliability_is_said(robot):
    robot.node.create_subscription(
        String, '/led', print, QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    )
    ours = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    entities.publisher(robot.bridge, String, '/led', ours)
    robot.presence.expect_subscriber('/led', String, 'command led')
    robot.graph.until(lambda: 'does not fit' in robot.problems.get('subscribers of /led', ''))


def test_a_reader_that_came_later_takes_back_nothing_that_another_has_found(robot, capfd):
    first = TopicSubscription(robot.bridge, '/odom', 'std_msgs/msg/String')
    readers = [first]

    def look():
        for reader in readers:
            reader.refresh()
        return 'topic /odom' in robot.problems

    robot.graph.until(look)
    readers.append(TopicSubscription(robot.bridge, '/odom', 'std_msgs/msg/String'))
    end = monotonic() + 2 * GRACE
    robot.graph.until(lambda: (look(), monotonic() > end)[1])
    publisher = robot.node.create_publisher(Int32, '/odom', 1)
    robot.graph.until(lambda: look() and 'expected std_msgs/msg/String' in str(robot.problems))
    # One that can read it is no proof that the others can.
    readers.append(TopicSubscription(robot.bridge, '/odom', 'std_msgs/msg/Int32'))
    for _ in range(5):
        assert look()
    assert 'works now' not in capfd.readouterr().err
    robot.node.destroy_publisher(publisher)
    robot.node.create_publisher(String, '/odom', 1)
    readers.pop().close()
    robot.graph.until(lambda: not look())
    for reader in readers:
        reader.close()
