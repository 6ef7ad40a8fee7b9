# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What nodes log, on a real graph."""

import time

import pytest
from rcl_interfaces.msg import Log
from rclpy.node import Node

from xparo_bridge.robot.telemetry.log import LogRecord, RosoutLog


@pytest.fixture
def records():
    return []


@pytest.fixture
def rosout(graph):
    """Publisher of log lines, which the graph's own nodes leave to the test."""
    publisher = graph.robot.create_publisher(Log, '/rosout', 1000)

    def say(text, level=20, name='driver', at=0.0):
        stamp = time.time() + 1.0 + at
        message = Log(level=level, name=name, msg=text)
        message.stamp.sec, message.stamp.nanosec = int(stamp), int(stamp % 1 * 1e9)
        publisher.publish(message)

    return say


@pytest.fixture
def log(graph, records, rosout):
    made = []

    def start(**options):
        made.append(RosoutLog(graph.node, records.extend, **options))
        made[-1].start()

        def heard():
            rosout('ready', 50, 'test')
            return records

        graph.spin_until(heard)
        graph.spin_until(lambda: True)
        records.clear()
        return made[-1]

    yield start
    for each in made:
        each.stop()


def texts(records, name='driver'):
    return [record.text for record in records if record.name == name]


def test_lines_from_a_level_up_are_reported(graph, log, records, rosout):
    log(level='WARN')
    for level, text in ((20, 'info'), (30, 'warn'), (50, 'fatal')):
        rosout(text, level)
    graph.spin_until(lambda: 'fatal' in texts(records))
    assert texts(records) == ['warn', 'fatal']
    assert [record.level for record in records if record.name == 'driver'] == ['WARN', 'FATAL']


def test_a_nodes_own_logger_is_heard(graph, log, records):
    log()
    talker = Node('talker', context=graph.context)

    def talk():
        talker.get_logger().warning('low battery')
        return 'low battery' in texts(records, 'talker')

    graph.spin_until(talk)
    talker.destroy_node()


def test_a_node_that_logs_too_much_is_cut_and_told_so(graph, log, records, rosout):
    log(rate=20.0, burst=3)
    for number in range(10):
        rosout(str(number))
    rosout('quiet one', name='other')
    graph.spin_until(lambda: texts(records, 'other'))
    assert texts(records) == ['0', '1', '2']

    def again():
        rosout('later')
        return 'later' in texts(records)

    graph.spin_until(again)
    assert texts(records)[3].endswith('lines left out')


def test_what_was_logged_before_the_start_is_not_told(graph, log, records, rosout):
    log()
    rosout('old', at=-100.0)
    rosout('new')
    graph.spin_until(lambda: 'new' in texts(records))
    assert texts(records) == ['new']


def test_a_line_says_when_who_and_how_grave():
    assert str(LogRecord(1_700_000_000.25, 'ERROR', 'arm.driver', 'hot')) == (
        '2023-11-14T22:13:20.250Z [ERROR] [arm.driver]: hot'
    )


def test_an_unknown_level_is_refused(graph):
    with pytest.raises(KeyError):
        RosoutLog(graph.node, print, level='LOUD')
