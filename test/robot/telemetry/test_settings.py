# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of telemetry: what is taken, and what is said to a mistake."""

import pytest

from xparo_bridge.robot.telemetry.change import Threshold
from xparo_bridge.robot.telemetry.groups import GROUPS
from xparo_bridge.robot.telemetry.options import ConfigProblem
from xparo_bridge.robot.telemetry.paths import parse_path
from xparo_bridge.robot.telemetry.settings import TelemetryConfig
from xparo_bridge.robot.telemetry.source import topic_pattern


def test_the_defaults_are_the_platforms_three_values_once_a_second():
    config = TelemetryConfig.from_mapping(None)
    assert config.period == 1.0
    assert set(config.groups) == {'system'}
    assert config.topics == ()


def test_every_group_can_be_switched_on_by_one_line():
    config = TelemetryConfig.from_mapping({'groups': dict.fromkeys(GROUPS)})
    assert set(config.groups) == set(GROUPS)


def test_a_topic_has_all_its_settings():
    topic = TelemetryConfig.from_mapping({'topics': [{
        'topic': '/odom', 'type': 'nav_msgs/Odometry', 'fields': {'x': 'pose.pose.position.x'},
        'name': 'odometry', 'max_rate': 10, 'on_change': '5%', 'min_rate': 0.1}]}).topics[0]
    assert topic.fields == (('x', parse_path('pose.pose.position.x')),)
    assert topic.max_rate == 10.0
    assert topic.on_change == Threshold(relative=0.05)


@pytest.mark.parametrize(('mapping', 'path', 'says'), [
    ({'perod': 1}, ['perod'], 'there are period, groups, topics'),
    ({'period': 0}, ['period'], 'must be above 0'),
    ({'period': float('nan')}, ['period'], 'finite'),
    ({'period': 'often'}, ['period'], 'a number is due, not the text "often"'),
    ({'period': True}, ['period'], 'a number is due, not true'),
    ({'groups': []}, ['groups'], 'a mapping'),
    ({'groups': {'sytem': {}}}, ['groups', 'sytem'], 'there are system, battery'),
    ({'groups': {'system': {'disks': '/'}}}, ['groups', 'system', 'disks'], 'there are period'),
    ({'groups': {'nodes': {'nodes': '/a'}}}, ['groups', 'nodes', 'nodes'], 'a list of texts'),
    ({'groups': {'velocity': {'type': 'a/msg/B'}}}, ['groups', 'velocity', 'type'], 'none of'),
    ({'topics': {}}, ['topics'], 'a list'),
    ({'topics': [{}]}, ['topics', 0, 'topic'], 'is missing'),
    ({'topics': [{'topic': '*'}]}, ['topics', 0, 'topic'], 'a topic or a pattern'),
    ({'topics': [{'topic': '/a*', 'name': 'b'}]}, ['topics', 0, 'name'], 'names of its topics'),
    ({'topics': [{'topic': '/a', 'fields': {'x': 'a..b'}}]},
     ['topics', 0, 'fields', 'x'], 'not understood from'),
    ({'topics': [{'topic': '/a', 'fields': 3}]}, ['topics', 0, 'fields'], 'names to paths'),
    ({'topics': [{'topic': '/a', 'on_change': 'much'}]}, ['topics', 0, 'on_change'], '5%'),
    ({'topics': [{'topic': '/a', 'max_rate': -1}]}, ['topics', 0, 'max_rate'], 'above 0'),
    ({'topics': [{'topic': '/a', 'type': 'no_such_msgs/msg/A'}]},
     ['topics', 0, 'type'], 'package no_such_msgs is not installed'),
    ({'topics': [{'topic': '/a', 'type': 'nav_msgs/msg/Odometri'}]},
     ['topics', 0, 'type'], 'package nav_msgs has no msg Odometri'),
    ({'topics': [{'topic': '/a', 'type': 'os; rm'}]}, ['topics', 0, 'type'], 'not a type name'),
    ({'topics': [{'topic': '/a', 'type': 'nav_msgs/msg/Odometry', 'fields': {'x': 'poze'}}]},
     ['topics', 0, 'fields', 'x'], 'nav_msgs/Odometry has no field "poze"; it has header, child'),
])
def test_a_mistake_is_told_with_its_place(mapping, path, says):
    with pytest.raises(ConfigProblem, match=says) as caught:
        TelemetryConfig.from_mapping(mapping)
    assert caught.value.path == ('telemetry', *path)


@pytest.mark.parametrize(('pattern', 'topic', 'fits'), [
    ('/robot_*/odom', '/robot_1/odom', True),
    ('/robot_*/odom', '/robot_1/part/odom', False),
    ('/**/odom', '/a/b/odom', True),
    ('/a.b', '/axb', False),
])
def test_patterns_stay_within_one_part_of_a_name(pattern, topic, fits):
    assert bool(topic_pattern(pattern).fullmatch(topic)) is fits
