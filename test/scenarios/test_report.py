# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the report show what happened: JUnit, the pages, the recording, read back by others."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import LaserScan
from std_msgs.msg import String

from xparo_bridge.json_reader import read_object
from xparo_bridge.local.sim.world import restaurant
from xparo_bridge.ros.definitions import definition, NoDefinition
from xparo_bridge.scenarios.report.junit import write_junit
from xparo_bridge.scenarios.report.page import write_list, write_page
from xparo_bridge.scenarios.report.recording import Recording
from xparo_bridge.scenarios.scenario import load_scenario
from xparo_bridge.scenarios.timeline import Timeline
from xparo_bridge.scenarios.verdict import (
    COULD_NOT_START,
    FAILED,
    NOT_EXECUTED,
    PASSED,
    Problem,
    Verdict,
)

make_reader = pytest.importorskip('mcap.reader').make_reader
AnyReader = pytest.importorskip('rosbags.highlevel').AnyReader
typesys = pytest.importorskip('rosbags.typesys')

HOSTILE = '<script>alert("1")</script> & \x00 \ud800'


def verdicts(folder: Path) -> list[Verdict]:
    problem = Problem('go.yaml:3', f'expect: {HOSTILE}', f'it {HOSTILE} was not', 3.0)
    return [
        Verdict('go', PASSED, 1, seconds=10.0, wall=2.0),
        Verdict('stay', FAILED, 2, [problem], cause=HOSTILE, wall=3.0),
        Verdict('come', COULD_NOT_START, 3, cause='no platform'),
        Verdict('leave', NOT_EXECUTED, 4, cause='missing: gz'),
    ]


def test_junit_counts_each_kind_of_end(tmp_path):
    write_junit(tmp_path / 'junit.xml', verdicts(tmp_path), 'simulated')
    suite = ElementTree.parse(tmp_path / 'junit.xml').getroot()[0]
    assert {key: suite.get(key) for key in ('tests', 'failures', 'errors', 'skipped')} == {
        'tests': '4',
        'failures': '1',
        'errors': '1',
        'skipped': '1',
    }
    assert [[child.tag for child in case] for case in suite] == [
        [],
        ['failure'],
        ['error'],
        ['skipped'],
    ]
    assert '<script>' in suite[1][0].get('message')
    assert 'missing: gz' in suite[3][0].get('message')


def make_timeline() -> Timeline:
    timeline = Timeline()
    timeline.add('named', 'robot', connection=1)
    timeline.add('step', 'robot', number=0, text='send: x')
    for number in range(3000):
        timeline.go_on(number * 0.02)
        timeline.add('truth', 'robot', x=1.0 + number * 0.001, y=4.0, yaw=0.0, speed=0.5)
    timeline.add('obstacle', x=3.0, y=4.0, radius=0.4, seconds=None)
    timeline.add('fault', '', text=HOSTILE, seconds=3.0)
    status = {'command_id': 'c1', 'command': HOSTILE, 'state': 'running'}
    timeline.add('received', 'robot', type='command_status', data=status)
    timeline.add('received', 'robot', type='telemetry', data={HOSTILE: 3})
    timeline.add('failed', text=HOSTILE, said=HOSTILE)
    return timeline


def test_the_pages_show_all_of_it_and_run_nothing_that_came_from_outside(tmp_path):
    file = tmp_path / 'stay.yaml'
    file.write_text(
        'description: It stays.\n'
        'steps:\n'
        '  - send: {command: start_navigation, goal: table_4}\n'
        '  - wait: 3 s\n'
        'then:\n'
        '  - min_clearance: 0.1 m\n'
    )
    verdict = verdicts(tmp_path)[1]
    verdict.timeline, verdict.folder = make_timeline(), tmp_path / 'stay'
    verdict.folder.mkdir()
    write_page(verdict.folder, load_scenario(file), verdict, 'simulated', restaurant())
    write_list(tmp_path, [*verdicts(tmp_path)[:1], verdict], 'simulated')
    for page in (verdict.folder / 'report.html', tmp_path / 'report.html'):
        text = page.read_text(encoding='utf-8')
        assert '<script' not in text
        assert '&lt;script&gt;' in text
    page = (verdict.folder / 'report.html').read_text()
    for shown in (
        'It stays.',
        'FAILED',
        '<polyline',
        'data:image/png',
        'obstacle from',
        '<circle',
    ):
        assert shown in page
    assert len(page) < 200_000
    listed = (tmp_path / 'report.html').read_text()
    assert '1 of 2 passed' in listed and 'href="stay/report.html"' in listed


def test_the_recording_is_read_back_bit_for_bit_by_mcap_and_by_rosbags(tmp_path):
    scan = LaserScan(ranges=[0.5, 1.5, 2.5], range_max=12.0)
    scan.header.frame_id = 'base_link'
    data = serialize_message(scan)
    recording = Recording(tmp_path / 'run.mcap')
    for number in range(100):
        recording.add('/scan', 'sensor_msgs/msg/LaserScan', data, 1000 + number)
    recording.add_events(make_timeline().events)
    recording.close()
    with (tmp_path / 'run.mcap').open('rb') as file:
        reader = make_reader(file)
        found = [m.data for _, channel, m in reader.iter_messages() if channel.topic == '/scan']
        events = [
            read_object(deserialize_message(m.data, String).data)
            for _, channel, m in reader.iter_messages()
            if channel.topic == '/scenario/events'
        ]
    assert found == [data] * 100
    assert [event['kind'] for event in events] == ['named', 'step', 'obstacle', 'fault', 'failed']
    store = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    with AnyReader([tmp_path / 'run.mcap'], default_typestore=store) as bag:
        raw = [raw for connection, _, raw in bag.messages() if connection.topic == '/scan']
        assert [bytes(each) for each in raw] == [data] * 100
        connection = next(each for each in bag.connections if each.topic == '/scan')
        read = bag.deserialize(raw[0], connection.msgtype)
        assert list(read.ranges) == [0.5, 1.5, 2.5]
        assert read.header.frame_id == 'base_link'


@pytest.mark.parametrize(
    ('name', 'parts'),
    [
        ('std_msgs/msg/String', []),
        (
            'nav_msgs/msg/Odometry',
            ['std_msgs/Header', 'geometry_msgs/Pose', 'builtin_interfaces/Time'],
        ),
        ('tf2_msgs/msg/TFMessage', ['geometry_msgs/TransformStamped', 'geometry_msgs/Quaternion']),
        ('diagnostic_msgs/msg/DiagnosticArray', ['diagnostic_msgs/KeyValue']),
    ],
)
def test_a_definition_has_each_type_in_it_once(name, parts):
    text = definition(name)
    for part in parts:
        assert text.count(f'MSG: {part}\n') == 1
    assert text.count('=' * 80) == text.count('MSG: ')


def test_a_type_that_is_not_installed_has_no_definition():
    with pytest.raises(NoDefinition, match='nothing_msgs/msg/Nothing is not installed'):
        definition('nothing_msgs/msg/Nothing')
