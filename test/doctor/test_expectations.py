# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a configuration expects of the robot, by the parts that a bridge makes of it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from xparo_bridge.configuration import load
from xparo_bridge.doctor.expectations import expectations, ExpectedTopic
from xparo_bridge.robot.telemetry import groups
from xparo_bridge.robot.telemetry.settings import parse_fields, TopicSettings
from xparo_bridge.robot.telemetry.source import Source, TopicSource

ODOMETRY = 'nav_msgs/msg/Odometry'
# The topic, its type and whether it is published on change alone, of each group's settings.
READ: dict[str, list[tuple[dict[str, Any], set[tuple[str, str, bool]]]]] = {
    'system': [({}, set())],
    'battery': [({'topic': 'power'}, {('/power', 'sensor_msgs/msg/BatteryState', False)})],
    'pose': [({}, set()), ({'topic': '/where'}, {('/where', ODOMETRY, False)})],
    'velocity': [({'topic': 'twist', 'type': ODOMETRY}, {('/twist', ODOMETRY, False)})],
    'diagnostics': [
        ({}, {('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', False)}),
    ],
    'navigation': [({'plan': 'way'}, {('/way', 'nav_msgs/msg/Path', True)})],
    'nodes': [({'topics': ['scan', '/tf']}, {('/scan', '', False), ('/tf', '', False)})],
    'map': [({'topic': 'hall'}, {('/hall', 'nav_msgs/msg/OccupancyGrid', True)})],
    'plan': [({'topic': 'way'}, {('/way', 'nav_msgs/msg/Path', True)})],
    'image': [({'enabled': True, 'topic': 'eye'}, {('/eye', '', False)}), ({}, set())],
}
CASES = [(name, settings, read) for name, cases in READ.items() for settings, read in cases]


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv('XPARO_SECRET_KEY', 'a-secret-of-tests')
    monkeypatch.setenv('XPARO_PROJECT_ID', 'project')


def expected(tmp_path, group: str, settings: dict[str, Any]) -> list[ExpectedTopic]:
    telemetry = {'groups': {group: settings}, 'topics': []}
    file = tmp_path / 'robot.yaml'
    link = {'name': 'platform', 'protocol': 'xparo', 'url': 'ws://127.0.0.1:9/'}
    data = {'links': [link], 'telemetry': telemetry, 'base': {'odom_topic': None}}
    file.write_text(json.dumps(data))
    return expectations(load([file]), ()).topics


def test_each_group_is_a_case():
    assert READ.keys() == groups.GROUPS.keys(), 'READ needs a line of each'


@pytest.mark.parametrize(('group', 'settings', 'read'), CASES)
def test_a_group_expects_what_it_reads(tmp_path, group, settings, read):
    found = expected(tmp_path, group, settings)
    assert {(one.topic, one.kind, one.seldom) for one in found} == read
    assert all(one.by == f'telemetry group {group}' for one in found)


class Ranges(Source):
    """Several topics, as a group of somebody's own may have them."""

    def __init__(self, node, topics: dict[str, str]) -> None:
        for topic in topics.values():
            TopicSource(node, TopicSettings(topic, 'sensor_msgs/msg/Range', parse_fields('range')))


def test_the_topics_of_a_group_are_those_that_it_takes_up_whatever_its_settings(
    tmp_path, monkeypatch
):
    made = SimpleNamespace(make=lambda node, settings: Ranges(node, {'front': 'range/front'}))
    monkeypatch.setattr(groups, 'import_module', lambda name, package: made)
    assert [(one.topic, one.kind) for one in expected(tmp_path, 'battery', {})] == [
        ('/range/front', 'sensor_msgs/msg/Range')
    ]
