# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of telemetry: what is taken, and what is said to a mistake."""

import json

import pytest

from xparo_bridge.configuration import checked, ConfigurationError, key_text
from xparo_bridge.robot.telemetry.change import Threshold
from xparo_bridge.robot.telemetry.groups import GROUPS
from xparo_bridge.robot.telemetry.settings import TelemetryConfig
from xparo_bridge.robot.telemetry.source import topic_pattern
from xparo_bridge.ros.paths import parse_path
from xparo_bridge.share import share

LINK = {'name': 'platform', 'protocol': 'xparo', 'url': 'wss://example.org/ws'}


def config_of(mapping):
    return TelemetryConfig.of(checked({'links': [LINK], 'telemetry': mapping}))


def test_the_defaults_are_the_platforms_three_values_once_a_second():
    config = TelemetryConfig.of(checked({'links': [LINK]}))
    assert config.period == 1.0
    assert set(config.groups) == {'system'}
    assert config.topics == ()


def test_every_group_can_be_switched_on_by_one_line():
    config = config_of({'groups': {name: {} for name in GROUPS}})
    assert set(config.groups) == set(GROUPS)


def test_the_schema_has_every_group_and_says_what_each_setting_is():
    groups = json.loads(share('config', 'schema.json').read_text())['$defs']['telemetry'][
        'properties'
    ]['groups']['properties']
    assert list(groups) == list(GROUPS)
    for group in groups.values():
        assert group['description']
        for name, setting in group['properties'].items():
            assert 'default' in setting or name in ('period', 'location')
            assert 'description' in setting or '$ref' in setting


@pytest.mark.parametrize(
    ('groups', 'topic', 'key'),
    [
        ({'pose': {}}, {'fields': {'pose': 'pose.pose'}}, 'pose'),
        ({'system': {}}, {'fields': {'x': '.', 'cpu_usage': 'data'}}, 'cpu_usage'),
        ({'system': {'load': True}}, {'fields': {'load': 'data'}}, 'load'),
        ({'battery': {}}, {'fields': ['battery_voltage']}, 'battery_voltage'),
        ({'map': {}}, {'name': 'map'}, 'map'),
        ({'velocity': {}}, {'topic': '/velocity'}, 'velocity'),
    ],
)
def test_a_topic_under_the_key_of_a_group_is_a_mistake(groups, topic, key):
    with pytest.raises(ConfigurationError, match=f'"{key}" of .* that of the group .* a name'):
        config_of({'groups': groups, 'topics': [{'topic': '/x', **topic}]})


@pytest.mark.parametrize(
    ('groups', 'topic'),
    [
        ({'pose': {'enabled': False}}, {'name': 'pose'}),
        ({'pose': {}}, {'name': 'odometry', 'fields': {'pose': 'pose.pose'}}),
        ({'pose': {}}, {'name': 'pose', 'enabled': False}),
        ({'system': {}}, {'fields': {'load': 'data'}}),
    ],
)
def test_a_topic_beside_a_group_that_does_not_send_its_key_is_none(groups, topic):
    assert config_of({'groups': groups, 'topics': [{'topic': '/x', **topic}]}).topics


def test_a_topic_has_all_its_settings():
    topic = config_of(
        {
            'topics': [
                {
                    'topic': '/odom',
                    'type': 'nav_msgs/Odometry',
                    'fields': {'x': 'pose.pose.position.x'},
                    'name': 'odometry',
                    'max_rate': 10,
                    'on_change': '5%',
                    'min_rate': 0.1,
                }
            ]
        }
    ).topics[0]
    assert topic.fields == (('x', parse_path('pose.pose.position.x')),)
    assert topic.max_rate == 10.0
    assert topic.on_change == Threshold(relative=0.05)


@pytest.mark.parametrize(
    ('mapping', 'path', 'says'),
    [
        ({'perod': 1}, ['perod'], 'did you mean "period"'),
        ({'period': 0}, ['period'], 'less than the minimum of 0.001 .*, s'),
        ({'period': float('nan')}, ['period'], "nan is not of type 'number'"),
        ({'period': 'often'}, ['period'], "'often' is not of type 'number'"),
        ({'period': True}, ['period'], "True is not of type 'number'"),
        ({'groups': []}, ['groups'], "not of type 'object' .*switched on by its name and {}"),
        ({'groups': {'sytem': {}}}, ['groups', 'sytem'], 'did you mean "system"'),
        ({'groups': {'battery': 1}}, ['groups', 'battery'], "not of type 'object'"),
        (
            {'groups': {'system': {'disks': '/'}}},
            ['groups', 'system', 'disks'],
            'did you mean "disk"',
        ),
        ({'groups': {'nodes': {'nodes': '/a'}}}, ['groups', 'nodes', 'nodes'], "type 'array'"),
        (
            {'groups': {'velocity': {'type': 'a/msg/B'}}},
            ['groups', 'velocity', 'type'],
            "not one of .*'geometry_msgs/msg/Twist'",
        ),
        ({'topics': {}}, ['topics'], "not of type 'array'"),
        ({'topics': [{}]}, ['topics', 0], "'topic' is a required property"),
        ({'topics': [{'topic': '*'}]}, ['topics', 0, 'topic'], 'a pattern such as'),
        (
            {'topics': [{'topic': '/a*', 'name': 'b'}]},
            ['topics', 0, 'name'],
            'names of its topics',
        ),
        (
            {'topics': [{'topic': '/a', 'fields': {'x': 'a..b'}}]},
            ['topics', 0, 'fields', 'x'],
            'not understood from',
        ),
        (
            {'topics': [{'topic': '/a', 'fields': 3}]},
            ['topics', 0, 'fields'],
            'Paths by the names',
        ),
        ({'topics': [{'topic': '/a', 'on_change': 'much'}]}, ['topics', 0, 'on_change'], '5%'),
        (
            {'topics': [{'topic': '/a', 'on_change': -1}]},
            ['topics', 0, 'on_change'],
            'minimum of 0',
        ),
        ({'topics': [{'topic': '/a', 'max_rate': -1}]}, ['topics', 0, 'max_rate'], 'minimum of 0'),
        (
            {'topics': [{'topic': '/a', 'type': 'no_such_msgs/msg/A'}]},
            ['topics', 0, 'type'],
            'package no_such_msgs is not installed',
        ),
        (
            {'topics': [{'topic': '/a', 'type': 'nav_msgs/msg/Odometri'}]},
            ['topics', 0, 'type'],
            'package nav_msgs has no msg Odometri',
        ),
        (
            {'topics': [{'topic': '/a', 'type': 'os; rm'}]},
            ['topics', 0, 'type'],
            'not a type name',
        ),
        (
            {
                'topics': [
                    {'topic': '/a', 'type': 'nav_msgs/msg/Odometry', 'fields': {'x': 'poze'}}
                ]
            },
            ['topics', 0, 'fields', 'x'],
            'nav_msgs/Odometry has no field "poze"; it has header, child',
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place(mapping, path, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        config_of(mapping)
    assert len(caught.value.problems) == 1
    assert f': {key_text(["telemetry", *path])}: ' in caught.value.problems[0]


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(ConfigurationError) as caught:
        config_of({'topics': [{'topic': '/a', 'type': 'x'}, {'topic': '/b', 'fields': 'a..b'}]})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ('pattern', 'topic', 'fits'),
    [
        ('/robot_*/odom', '/robot_1/odom', True),
        ('/robot_*/odom', '/robot_1/part/odom', False),
        ('/**/odom', '/a/b/odom', True),
        ('/a.b', '/axb', False),
    ],
)
def test_patterns_stay_within_one_part_of_a_name(pattern, topic, fits):
    assert bool(topic_pattern(pattern).fullmatch(topic)) is fits
