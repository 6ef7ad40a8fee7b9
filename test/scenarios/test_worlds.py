# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Is what is started of Nav2 and Gazebo there under the names that their releases have.

nav2_launch_files.json is read off the releases: launch files of nav2_bringup with their arguments,
topics of the simulated TurtleBot with their types.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
import re

import pytest

from xparo_bridge.local.sim.drive import Pose
from xparo_bridge.scenarios.given import Given, RobotSetup
from xparo_bridge.scenarios.report.recording import COMMON, TYPES
from xparo_bridge.scenarios.run import affordable
from xparo_bridge.scenarios.worlds import WORLDS
from xparo_bridge.scenarios.worlds.base import FAULTS
from xparo_bridge.scenarios.worlds.nav2 import Gazebo, Loopback

RELEASES = json.loads(Path(__file__).with_name('nav2_launch_files.json').read_text())
LAUNCH = Path(__file__).parents[2] / 'launch' / 'simulation.launch.py'


def given(**keys) -> Given:
    setup = RobotSetup('robot', '', Pose(1.0, 2.0, 0.5), None, None)
    return Given({'robot': setup}, **keys)


@pytest.mark.parametrize('release', RELEASES)
@pytest.mark.parametrize('world', [Loopback, Gazebo])
def test_the_launch_file_and_each_argument_are_those_of_the_release(release, world, tmp_path):
    files = RELEASES[release]['launch']
    name = next(name for name in world.launch_files if name in files)
    made = world(given(map=Path('hall.yaml')), 0, 1.0, tmp_path)
    assert set(made.arguments()) <= set(files[name])
    assert {'nav2_minimal_tb3_sim', 'ros_gz_sim', 'ros_gz_bridge'} <= set(
        RELEASES[release]['depends']
    )


@pytest.mark.parametrize('release', RELEASES)
def test_the_simulation_launch_file_passes_what_nav2_takes(release):
    tree = ast.parse(LAUNCH.read_text())
    values = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    files = RELEASES[release]['launch']
    for simulator, names in ast.literal_eval(values['SIMULATIONS']).items():
        found = [name for name in names if name in files]
        assert len(found) == 1, f'{simulator}: {names} are not in {release}'
        passed = {'use_rviz'} | ({'headless'} if simulator == 'gazebo' else set())
        assert passed <= set(files[found[0]])
    passed = set(re.findall(r"arguments\['(\w+)'\]|'(use_rviz)'", LAUNCH.read_text())[0])
    assert passed - {''} <= {'use_rviz', 'headless'}


@pytest.mark.parametrize('release', RELEASES)
def test_topics_of_the_simulated_turtlebot_are_those_that_are_heard(release):
    types = {**TYPES, **COMMON}
    for topic, kind in RELEASES[release]['gazebo_topics'].items():
        if topic in types and topic != 'cmd_vel':
            assert types[topic] == kind
    for topic, kinds in RELEASES[release]['loopback_topics'].items():
        if topic in types and topic != 'cmd_vel':
            assert [types[topic].split('/')[-1]] == kinds


@pytest.mark.parametrize('world', [Loopback, Gazebo])
def test_what_is_not_installed_is_named(world, monkeypatch):
    monkeypatch.setattr('xparo_bridge.scenarios.worlds.nav2.share', lambda package: None)
    missing = world.missing({})
    assert missing[0] == 'nav2_bringup' and set(world.packages) <= set(missing)


def test_a_real_robot_wants_a_yes_and_a_bound():
    world = WORLDS['robot']
    assert len(world.missing({})) == 2
    assert 'max-speed' in world.missing({'yes': True})[0]
    assert world.missing({'yes': True, 'max_speed': 0.3}) == []


def test_no_world_says_that_it_can_what_no_step_needs():
    for world in WORLDS.values():
        assert world.can <= set(FAULTS)


def test_a_world_runs_no_faster_than_asked_and_not_slower_than_real_time():
    assert affordable(1.0) == 1.0
    assert 1.0 <= affordable(5.0) <= 5.0
