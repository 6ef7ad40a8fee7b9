# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config test`: a folder's own tests run a whole bridge, without a robot and on no network."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

from xparo_bridge.fleet.ros_checking import installed
from xparo_bridge.fleet.subject import folder_of
from xparo_bridge.fleet.test_cases import read_cases
from xparo_bridge.share import share

pytestmark = pytest.mark.skipif(not installed(), reason='ROS is not installed')


def run_tests(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run `config test` as a user does; its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'config', 'test', str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_tests_of_the_sample_pass(tmp_path):
    code, said = run_tests(share('config', 'fleet'), '-v')
    assert code == 0, said
    assert '10 tests, 0 failed' in said
    assert 'robot_2: it has no dock: ok, ' in said


CASES = """\
groups: [all]
tests:
  - name: what does not come is told
    within: 0.5
    given: [{command: start_navigation, parameters: {goal: dock}}]
    expect:
      - goal: navigate_to_pose
        fields: {pose.pose.position.x: 7.0}
      - goal: spin
      - telemetry: {battery_percentage: 1.0}
      - rejected: not_allowed
      - no_goal: navigate_to_pose
  - name: frames, services, messages and topics
    given:
      - frame: {type: remote_command, data: {command: beep, command_id: b}}
      - command: say_hello
      - topic: battery_state
        type: sensor_msgs/msg/BatteryState
        value: {percentage: 0.25}
    expect:
      - call: beep
      - message: greetings
        fields: {data: hello}
      - status: {command_id: b, state: succeeded}
      - telemetry: {battery_percentage: 25.0}
      - no_call: other
"""
FLEET = {
    'groups/all.yaml': (
        'places: {dock: {x: 1.0, y: 2.0}}\n'
        'telemetry: {period: 60.0, groups: {battery: {}}}\n'
        'commands:\n'
        '  beep: {kind: service, service: beep, type: std_srvs/srv/Trigger}\n'
        '  say_hello: {kind: publish, topic: greetings, type: std_msgs/msg/String, '
        'message: {data: hello}}\n'
    ),
    'robots/r7.yaml': 'groups: [all]\n',
    'robots/r8.yaml': 'groups: [all]\n',
    'robots/other.yaml': '',
    'tests/a.yaml': CASES,
}


def test_what_is_missing_is_reported_with_what_came_instead(fleet):
    code, said = run_tests(fleet(FLEET), '-v')
    assert code == 1
    assert '2 tests, 1 failed' in said, 'robots that are alike are tested once'
    assert 'tests/a.yaml:3: r7: what does not come is told: FAILED' in said
    assert '"pose.pose.position.x": 1.0}, expected {"pose.pose.position.x": 7.0}' in said
    assert 'no goal came to /spin' in said
    assert 'expected {"telemetry": {"battery_percentage": 1.0}}; came:' in said
    assert 'expected {"rejected": "not_allowed"}; came:' in said
    assert 'navigate_to_pose got a goal' in said
    assert 'frames, services, messages and topics: ok' in said


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('tests: [{name: a, given: [], expect: [{gaol: x}]}]\n', ':1: tests[0].expect[0]: '),
        ('tests: [{name: a, given: [{}], expect: []}]\n', 'tests[0].given[0]: '),
        (
            'tests: [{name: a, given: [{topic: a}], expect: []}]\n',
            'given[0]: expected the type of the topic',
        ),
        (
            'tests: [{name: a, given: [{topic: a, frame: "{}"}], expect: []}]\n',
            'given[0]: expected one of frame, command, topic',
        ),
        ('robots: [r9]\ntests: []\n', ':1: robots[0]: no such one: r7'),
        ('groups: [x]\ntests: []\n', ':1: groups[0]: no such one: '),
        ('tests: [\n', 'not YAML'),
    ],
)
def test_a_file_of_tests_that_is_wrong_is_reported_with_its_place(fleet, text, expected):
    folder = folder_of(str(fleet({'robots/r7.yaml': '', 'tests/a.yaml': text})))
    _, problems = read_cases(folder)
    assert [problem for problem in problems if expected in problem], problems
