# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the groups send is true, or it is left out and said once."""

import math
from random import random
from time import monotonic

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import OccupancyGrid, Path
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Float64, Int32

from xparo_bridge.ros.problems import Problems

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)


# Parts of one as drivers have them, the percentage that is true, and whether it is a problem.
PARTS = [
    (0.0, 0.0, False),
    (0.5, 50.0, False),
    (87.0, None, True),
    (1.0, 100.0, False),
    (12.0, None, True),
    (1.004, 100.0, False),
    (100.0, None, True),
    (math.nan, None, False),
    (-0.5, None, True),
    (-1.0, None, False),
    (math.inf, None, False),
]


def test_a_battery_is_never_over_100_percent(graph, telemeter, capfd):
    telemetry = telemeter({'period': 0.05, 'groups': {'battery': {}}})
    publisher = graph.robot.create_publisher(BatteryState, '/battery_state', 1)
    for number, (part, percent, named) in enumerate(PARTS):
        telemetry.sent.clear()
        state = BatteryState(percentage=part, voltage=float(number), present=True)
        graph.publish_until(
            publisher,
            state,
            lambda number=number: telemetry.latest.get('battery_voltage') == number,
        )
        assert telemetry.sent[-1].values.get('battery_percentage') == percent
        said = Problems.of(graph.node).now.get('telemetry battery', '')
        assert (f'the driver says {part:g}' in said) == named
    assert capfd.readouterr().err.count('the driver says 87') == 1


@pytest.mark.parametrize(
    ('message', 'percent'),
    [
        ({'present': False}, None),
        ({'present': False, 'voltage': math.nan}, None),
        ({'present': True}, 0.0),
        ({'present': False, 'percentage': 0.5}, 50.0),
        ({'present': False, 'voltage': 21.0}, 0.0),
    ],
)
def test_a_place_without_a_battery_is_no_empty_battery(graph, telemeter, message, percent):
    telemetry = telemeter({'period': 0.05, 'groups': {'battery': {}}})
    publisher = graph.robot.create_publisher(BatteryState, '/battery_state', 1)
    graph.publish_until(publisher, BatteryState(**message), lambda: telemetry.sent)
    assert telemetry.latest.get('battery_percentage') == percent
    said = Problems.of(graph.node).now.get('telemetry battery', '')
    assert ('no battery is present' in said) == (percent is None)


def pack(location='', percentage=0.9, serial='', frame='', voltage=24.0):
    state = BatteryState(
        location=location, percentage=percentage, serial_number=serial, voltage=voltage
    )
    state.header.frame_id = frame
    return state


# Two batteries on one topic, and what is said of them.
PACKS = {
    'location': (pack('left', 0.9), pack('right', 0.2), 'left; right'),
    'serial': (pack(percentage=0.9, serial='A1'), pack(percentage=0.2, serial='B2'), 'A1; B2'),
    'frame': (pack(frame='arm'), pack(frame='base', percentage=0.2), 'arm; base'),
    'nothing': (pack(percentage=0.9), pack(percentage=0.2), 'two publishers'),
}


@pytest.mark.parametrize('differ', ['location', 'serial', 'frame', 'nothing'])
def test_of_several_batteries_none_is_taken_for_another(graph, telemeter, differ):
    one, other, words = PACKS[differ]
    telemetry = telemeter({'period': 0.1, 'groups': {'battery': {}}})
    publishers = [graph.robot.create_publisher(BatteryState, '/battery_state', 1) for _ in 'ab']
    problems = Problems.of(graph.node)
    name = 'telemetry of /battery_state'

    def publish():
        for publisher, state in zip(publishers, (one, other), strict=True):
            publisher.publish(state)
        return words in problems.now.get(name, '')

    graph.spin_until(publish)
    telemetry.sent.clear()
    end = monotonic() + 0.5
    graph.spin_until(lambda: (publish(), monotonic() > end)[1])
    assert not telemetry.sent


def test_one_of_several_batteries_is_named_by_its_location(graph, telemeter):
    left, right, _ = PACKS['location']
    telemetry = telemeter({'period': 0.05, 'groups': {'battery': {'location': 'right'}}})
    publisher = graph.robot.create_publisher(BatteryState, '/battery_state', 10)

    def publish():
        publisher.publish(left)
        publisher.publish(right)
        return len(telemetry.sent) > 10

    graph.spin_until(publish)
    assert {sent.values['battery_percentage'] for sent in telemetry.sent} == {20.0}
    assert not Problems.of(graph.node).now


def array(*parts):
    return DiagnosticArray(
        status=[
            DiagnosticStatus(name=name, hardware_id=hardware, level=level, message=str(level))
            for name, hardware, level in parts
        ]
    )


LEFT, RIGHT = ('drive', 'left', ERROR), ('drive', 'right', OK)


@pytest.mark.parametrize(
    ('parts', 'together', 'hardware', 'level'),
    [
        ((LEFT, RIGHT), True, ('left', 'right'), ERROR),
        ((LEFT, RIGHT), True, ('', ''), ERROR),
        ((RIGHT, LEFT), True, ('', ''), WARN),
        ((LEFT, RIGHT), False, ('', ''), ERROR),
        ((RIGHT, LEFT), False, ('', ''), WARN),
        ((RIGHT, LEFT), False, ('left', 'right'), WARN),
    ],
)
def test_no_part_paints_over_another_of_its_name(
    graph, telemeter, parts, together, hardware, level
):
    telemetry = telemeter({'period': 0.05, 'groups': {'diagnostics': {}}})
    publishers = [
        graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10) for _ in range(2)
    ]
    ids = dict(zip(('left', 'right'), hardware, strict=True))
    named = [(name, ids[side], level if bad == ERROR else bad) for name, side, bad in parts]
    arrays = [array(*named)] if together else [array(part) for part in named]

    def publish():
        for publisher, message in zip(publishers, arrays, strict=False):
            publisher.publish(message)
        reported = telemetry.latest.get('diagnostics', {})
        return reported.get('total') == len(set(hardware)) and reported['not_ok']

    graph.spin_until(publish)
    telemetry.sent.clear()
    graph.spin_until(lambda: (publish(), len(telemetry.sent) > 10)[1])
    expected = 'ERROR' if level == ERROR else 'WARN'
    assert {sent.values['diagnostics']['level'] for sent in telemetry.sent} == {expected}
    assert [part.get('hardware_id') for part in telemetry.latest['diagnostics']['not_ok']] == [
        hardware[0] or None
    ]


def test_what_one_node_says_is_well_again_is_so_at_once(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'diagnostics': {'stale_after': 60}}})
    publisher = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)
    for level, reported in ((ERROR, 'ERROR'), (OK, 'OK')):
        graph.publish_until(
            publisher,
            array(('arm', '', level)),
            lambda reported=reported: (
                telemetry.latest.get('diagnostics', {}).get('level') == reported
            ),
        )


def test_what_is_stale_hides_no_error_and_what_is_left_out_is_counted(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'diagnostics': {'limit': 2}}})
    publisher = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)
    parts = [(f'sensor {number}', '', STALE) for number in range(5)] + [('motor', '', ERROR)]
    graph.publish_until(publisher, array(*parts), lambda: telemetry.sent)
    reported = telemetry.latest['diagnostics']
    assert reported['level'] == 'ERROR'
    assert [part['name'] for part in reported['not_ok']] == ['motor', 'sensor 0']
    assert reported['left_out'] == 4


def test_parts_of_ever_new_names_are_bounded_and_hide_no_error(graph, telemeter):
    telemetry = telemeter({'period': 0.05, 'groups': {'diagnostics': {}}})
    publisher = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)
    graph.publish_until(publisher, array(('motor', '', ERROR)), lambda: telemetry.sent)
    problems = Problems.of(graph.node)
    number = 0

    def flood():
        nonlocal number
        number += 1
        publisher.publish(array(*(('x' * 2000 + f'{number} {at}', '', OK) for at in range(500))))
        publisher.publish(array(*((f'{number} {at}', '', OK) for at in range(500))))
        return 'telemetry of /diagnostics' in problems.now

    graph.spin_until(flood)
    reported = telemetry.latest['diagnostics']
    assert reported['total'] <= 2000
    assert reported['level'] == 'ERROR'


def spoilt_twist(value):
    twist = Twist()
    twist.linear.x = value
    return twist


def spoilt_path(value):
    path = Path(poses=[PoseStamped(), PoseStamped()])
    path.poses[0].pose.position.y = value
    return path


def spoilt_map(value):
    grid = OccupancyGrid(data=[0])
    grid.info.width = grid.info.height = 1
    grid.info.resolution = value
    return grid


@pytest.mark.parametrize(
    ('group', 'settings', 'topic', 'make'),
    [
        ('velocity', {'topic': '/v', 'type': 'geometry_msgs/msg/Twist'}, '/v', spoilt_twist),
        ('plan', {}, '/plan', spoilt_path),
        ('map', {}, '/map', spoilt_map),
    ],
)
def test_numbers_that_are_none_are_left_out_by_name_until_they_are_some(
    graph, telemeter, capfd, group, settings, topic, make
):
    telemetry = telemeter({'period': 0.05, 'groups': {group: settings}})
    publisher = graph.robot.create_publisher(type(make(1.0)), topic, 1)
    problems = Problems.of(graph.node)
    name = f'telemetry of {topic}'
    for value in (math.nan, math.inf, -math.inf):
        graph.publish_until(publisher, make(value), lambda: name in problems.now)
        assert not telemetry.sent
        graph.publish_until(
            publisher, make(1.0 + random()), lambda: telemetry.sent and name not in problems.now
        )
        # What is still on its way must not be taken for one of the next round.
        end = monotonic() + 0.2
        graph.spin_until(lambda end=end: monotonic() > end)
        telemetry.sent.clear()
    said = capfd.readouterr().err
    assert said.count(f'{name}: left out') == said.count(f'{name}: works now') == 1


def test_of_a_pattern_a_bad_topic_costs_no_other(graph, telemeter):
    telemetry = telemeter(
        {
            'period': 0.05,
            'groups': {},
            'topics': [{'topic': '/robot_*/x', 'fields': {'x': 'data'}}],
        }
    )
    good = graph.robot.create_publisher(Float64, '/robot_2/x', 1)
    publisher = graph.robot.create_publisher(DiagnosticArray, '/robot_1/x', 1)
    publisher.publish(DiagnosticArray())
    graph.publish_until(good, Float64(data=1.0), lambda: telemetry.sent)
    assert telemetry.latest == {'robot_2/x': {'x': 1.0}}
    assert 'has no field "data"' in Problems.of(graph.node).now['topic /robot_1/x']


@pytest.mark.parametrize('order', ['latched first', 'volatile first'])
def test_a_latched_map_comes_beside_a_volatile_publisher(graph, telemeter, order):
    def latched():
        publisher = graph.robot.create_publisher(OccupancyGrid, '/map', LATCHED)
        publisher.publish(spoilt_map(0.5))

    if order == 'latched first':
        latched()
    graph.robot.create_publisher(OccupancyGrid, '/map', 1)
    telemetry = telemeter({'period': 0.05, 'groups': {'map': {}}})
    if order == 'volatile first':
        latched()
    graph.spin_until(lambda: telemetry.sent)
    assert telemetry.latest['map']['resolution'] == 0.5


def test_each_sample_comes_once_where_publishers_differ_in_durability(graph, telemeter):
    keeps = graph.robot.create_publisher(Int32, '/count', QoSProfile(depth=100))
    forgets = graph.robot.create_publisher(
        Int32, '/count', QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    telemetry = telemeter(
        {
            'groups': {},
            'topics': [{'topic': '/count', 'fields': {'count': 'data'}, 'every_sample': True}],
        }
    )

    def heard(number):
        return any(sent.values['count'] == number for sent in list(telemetry.sent))

    for publisher, number in ((keeps, -1), (forgets, -2)):
        graph.publish_until(publisher, Int32(data=number), lambda number=number: heard(number))
    for number in range(100):
        (keeps, forgets)[number % 2].publish(Int32(data=number))
        graph.executor.spin_once(timeout_sec=0)
    graph.spin_until(lambda: heard(99) and heard(98))
    end = monotonic() + 0.3
    graph.spin_until(lambda: monotonic() > end)
    numbers = [sent.values['count'] for sent in telemetry.sent if sent.values['count'] >= 0]
    assert sorted(numbers) == list(range(100))
