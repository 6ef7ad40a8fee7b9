# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Is what is started of Nav2 and Gazebo there under the names that their releases have.

nav2_launch_files.json is read off the releases: launch files of nav2_bringup with their arguments,
topics of the simulated TurtleBot with their types.
"""

from __future__ import annotations

import ast
import asyncio
import json
import math
from pathlib import Path
import re
import sys
import time
from typing import Any

from builtin_interfaces.msg import Time
from fixtures.ros_graph import RosGraph
from geometry_msgs.msg import PoseWithCovarianceStamped, TransformStamped
from nav2_msgs.msg import SpeedLimit
import pytest
import rclpy
from tf2_msgs.msg import TFMessage
import yaml

from xparo_bridge.local.children import Child
from xparo_bridge.local.sim.drive import Pose
from xparo_bridge.robot.commands.template import Template
from xparo_bridge.scenarios.given import Given, RobotSetup
from xparo_bridge.scenarios.report.recording import COMMON, TYPES
from xparo_bridge.scenarios.ros_side import RosSide
from xparo_bridge.scenarios.run import affordable
from xparo_bridge.scenarios.timeline import Timeline
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


def test_the_simulation_tells_nav2_where_the_robot_is_put():
    text = re.search(r'^INITIAL_POSE = (\(.*?^\))', LAUNCH.read_text(), re.DOTALL | re.MULTILINE)
    received = yaml.safe_load(ast.literal_eval(text[1]))
    message = Template(PoseWithCovarianceStamped, received, {}, (), Time).make({})
    share = yaml.safe_load((LAUNCH.parents[1] / 'config' / 'simulation.yaml').read_text())
    start = share['places']['start']
    pose = message.pose.pose
    assert message.header.frame_id == 'map'
    assert (pose.position.x, pose.position.y) == (start['x'], start['y'])
    turned = start.get('yaw', 0.0) / 2
    assert (pose.orientation.z, pose.orientation.w) == (math.sin(turned), math.cos(turned))


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


# A Nav2 as a scenario sees it: it is active, and says so, once it was told where the robot is, and
# that only after it has come up. Until then its manager answers nobody.
NAV2 = """
import sys, time
import rclpy
from geometry_msgs.msg import PoseWithCovarianceStamped
from std_srvs.srv import Trigger

time.sleep(1.5)
rclpy.init()
node = rclpy.create_node('lifecycle_manager_navigation')
poses = []
node.create_subscription(PoseWithCovarianceStamped, '/initialpose', poses.append, 10)
while not poses:
    rclpy.spin_once(node, timeout_sec=0.2)
print('[loopback_simulator-4] told x', poses[0].pose.pose.position.x, flush=True)
node.create_service(
    Trigger, '~/is_active', lambda _, response: Trigger.Response(success=True)
)
rclpy.spin(node)
"""


async def _come_up(folder: Path, program: str) -> tuple[Loopback, str]:
    """Wait for a world whose launch is a program, and hear it; what it says of the dead."""
    world = Loopback(given(), 0, 1.0, folder)
    child = await Child.start('nav2', [sys.executable, '-c', program])
    world.children.append(child)
    world.ros = RosSide()
    try:
        await world.ready(Timeline())
        await child.wait_for_line('told x 1.0')
        return world, world.died()
    finally:
        world.ros.close()
        await world.stop()


def test_nav2_that_comes_up_late_is_told_where_the_robot_is(tmp_path):
    world, died = asyncio.run(_come_up(tmp_path, NAV2))
    assert died == ''


DEAD = """\
[INFO] [loopback_simulator-4]: process started with pid [17718]
[loopback_simulator-4] ModuleNotFoundError: No module named 'tf_transformations'
[planner_server-5] [INFO] [1.2] [planner_server]: Creating
[ERROR] [loopback_simulator-4]: process has died [pid 17718, exit code 1, cmd 'x --ros-args'].
"""


async def _said_of(text: str, folder: Path) -> str:
    world = Loopback(given(), 0, 1.0, folder)
    child = await Child.start('nav2', [sys.executable, '-c', f'print({text!r}, end="")'])
    world.children.append(child)
    await child.wait()
    return world.died()


def test_a_process_of_nav2_that_died_is_named_with_its_last_words(tmp_path):
    assert asyncio.run(_said_of(DEAD, tmp_path)) == (
        'loopback_simulator-4 of Nav2 ended with exit code 1: '
        "ModuleNotFoundError: No module named 'tf_transformations'"
    )
    assert asyncio.run(_said_of(DEAD.partition('[ERROR]')[0], tmp_path)) == ''


async def _truths(seconds: float) -> list[dict[str, Any]]:
    """Hear a robot of which tf alone says where it is."""
    side = RosSide()
    heard: list[dict[str, Any]] = []
    node = rclpy.create_node('loopback', context=side._context)
    publisher = node.create_publisher(TFMessage, '/tf', 10)
    try:
        await side.hear_robot('', 0.2, heard.append)
        begin = time.monotonic()
        while not heard or heard[-1]['x'] < 1.0:
            assert time.monotonic() - begin < seconds
            message = TransformStamped(child_frame_id='base_link')
            message.header.frame_id = 'map'
            message.header.stamp = node.get_clock().now().to_msg()
            message.transform.rotation.w = 1.0
            message.transform.translation.x = 0.5 * (time.monotonic() - begin)
            publisher.publish(TFMessage(transforms=[message]))
            await asyncio.sleep(0.02)
    finally:
        node.destroy_node()
        side.close()
    return heard


def test_a_robot_that_publishes_no_odometry_is_where_tf_says_and_as_fast():
    speeds = [truth['speed'] for truth in asyncio.run(_truths(20.0))]
    assert 0.3 < sum(speeds[1:]) / len(speeds[1:]) < 0.8


async def _published_to_one_who_asks_for_nothing_older() -> list[float]:
    side = RosSide()
    limits: list[float] = []
    with RosGraph('controller_server') as graph:
        try:
            limit = SpeedLimit(speed_limit=0.3)
            publishing = asyncio.ensure_future(side.publish_message('/speed_limit', limit))
            while not side._publishers:
                await asyncio.sleep(0.01)
            # As Nav2's controller has it, which is found only now.
            graph.node.create_subscription(
                SpeedLimit, 'speed_limit', lambda limit: limits.append(limit.speed_limit), 10
            )
            await publishing
            graph.until(lambda: limits, 5.0)
        finally:
            side.close()
    return limits


def test_a_bound_of_the_speed_is_there_before_the_robot_may_drive():
    assert asyncio.run(_published_to_one_who_asks_for_nothing_older()) == [pytest.approx(0.3)]


@pytest.mark.parametrize('release', RELEASES)
def test_what_the_releases_have_was_read_off_named_commits(release):
    commits = RELEASES[release]['commits']
    assert set(commits) == {'navigation2', 'nav2_minimal_turtlebot_simulation'}
    assert all(re.fullmatch('[0-9a-f]{40}', commit) for commit in commits.values())
