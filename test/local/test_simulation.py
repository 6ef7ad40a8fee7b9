# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the simulation run its time, its robots and its faults as it is told, over DDS."""

from __future__ import annotations

import contextlib
import json
import time

from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Time
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from nav2_msgs.action import NavigateToPose
import pytest
from rclpy.qos import qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState, LaserScan
from std_msgs.msg import String

from xparo_bridge.local.sim.conversions import pose_stamped
from xparo_bridge.local.sim.drive import Pose, RADIUS


@contextlib.contextmanager
def simulation(**parameters):
    """Run a simulation; the graph, and every truth that it tells."""
    arguments = [word for key, value in parameters.items() for word in ('-p', f'{key}:={value}')]
    with (
        Process.module('xparo_bridge', 'simulated_robot', '--ros-args', *arguments) as process,
        RosGraph() as graph,
    ):
        process.wait_for_line('ready')
        truths: list = []
        graph.node.create_subscription(
            String, '/simulation/truth', lambda m: truths.append(json.loads(m.data)), 50
        )
        graph.until(lambda: truths)
        yield graph, truths


def drive(graph, x, y, robot=''):
    goal = NavigateToPose.Goal(pose=pose_stamped(Pose(x, y, 0.0), Time()))
    return graph.send_goal(NavigateToPose, f'{robot}/navigate_to_pose', goal)


def test_time_runs_by_its_factor_and_is_on_the_clock():
    with simulation(real_time_factor=5.0, clock='true') as (graph, truths):
        clocks: list = []
        graph.node.create_subscription(
            Clock, '/clock', lambda m: clocks.append(m.clock.sec + m.clock.nanosec * 1e-9), 50
        )
        graph.until(lambda: clocks)
        began, first, first_clock = time.monotonic(), truths[-1]['time'], clocks[-1]
        graph.until(lambda: truths[-1]['time'] > first + 5.0)
        passed = time.monotonic() - began
        assert 0.8 < passed < 5.0
        assert clocks[-1] - first_clock == pytest.approx(truths[-1]['time'] - first, abs=0.5)
        assert clocks == sorted(clocks)
        graph.set_parameter('/simulation', 'clock_jump', -3.0)
        latest = max(clocks)
        graph.until(lambda: clocks[-1] < latest)
        with pytest.raises(AssertionError, match='up to 10'):
            graph.set_parameter('/simulation', 'real_time_factor', 11.0)


def test_robots_in_one_world_see_each_other_and_go_around_each_other():
    robots = '"one:1.0,4.0,0.0 two:2.5,4.0,3.14"'
    with simulation(real_time_factor=5.0, robots=robots, scan_noise=0.0) as (graph, truths):
        scans: list = []
        graph.node.create_subscription(
            LaserScan, '/one/scan', scans.append, qos_profile_sensor_data
        )
        graph.until(lambda: scans)
        ahead = scans[0].ranges[len(scans[0].ranges) // 2]
        assert ahead == pytest.approx(1.5 - RADIUS, abs=0.02)
        goals = drive(graph, 4.0, 4.0, '/one'), drive(graph, 0.8, 4.0, '/two')
        assert [goal.end(60.0).status for goal in goals] == [GoalStatus.STATUS_SUCCEEDED] * 2
        assert min(robot['clearance'] for t in truths for robot in t['robots'].values()) > 0.0


def test_what_blocks_the_only_way_is_waited_for():
    with simulation(real_time_factor=5.0) as (graph, truths):
        graph.set_parameter('/simulation', 'obstacles', 'door:9.05,4.0,0.7')
        goal = drive(graph, 10.7, 4.0)
        graph.until(lambda: truths[-1]['robots']['robot']['x'] > 7.0, 30.0)
        stands = lambda: truths[-1]['robots']['robot']['speed'] == 0.0  # noqa: E731
        graph.until(stands)
        graph.set_parameter('/simulation', 'obstacles', '')
        assert goal.end(60.0).status == GoalStatus.STATUS_SUCCEEDED
        assert min(t['robots']['robot']['clearance'] for t in truths) > 0.0
        with pytest.raises(AssertionError, match='expected NAME:X,Y,RADIUS'):
            graph.set_parameter('/simulation', 'obstacles', 'door:9.05')


def test_sensors_are_silent_servers_die_and_the_battery_is_what_it_is_set_to():
    with simulation(real_time_factor=5.0) as (graph, _):
        scans, batteries = [], []
        graph.node.create_subscription(LaserScan, 'scan', scans.append, qos_profile_sensor_data)
        graph.node.create_subscription(BatteryState, 'battery_state', batteries.append, 10)
        graph.until(lambda: scans and batteries)
        graph.set_parameter('/simulated_robot', 'silent', 'scan')
        graph.set_parameter('/simulated_robot', 'battery_level', 0.1)
        graph.until(lambda: batteries[-1].percentage < 0.11)
        scans.clear()
        reported = len(batteries)
        graph.until(lambda: len(batteries) > reported + 2)
        assert not scans
        graph.set_parameter('/simulated_robot', 'silent', '')
        graph.until(lambda: scans)
        graph.set_parameter('/simulated_robot', 'dead_servers', 'navigate_to_pose')
        graph.until(lambda: not graph.node.count_publishers('/navigate_to_pose/_action/status'))
        graph.set_parameter('/simulated_robot', 'dead_servers', '')
        assert drive(graph, 2.0, 4.0).end(30.0).status == GoalStatus.STATUS_SUCCEEDED
        with pytest.raises(AssertionError, match='no smell; there are odom'):
            graph.set_parameter('/simulated_robot', 'silent', 'smell')


def test_the_same_seed_gives_the_same_noise():
    def scans(seed):
        with simulation(seed=seed, scan_noise=0.05, real_time_factor=10.0) as (graph, _):
            heard: list = []
            graph.node.create_subscription(
                LaserScan, 'scan', lambda m: heard.append(tuple(m.ranges)), qos_profile_sensor_data
            )
            # From which on they are heard depends on when the two found each other.
            graph.until(lambda: len(heard) >= 50)
            return set(heard)

    first = scans(7)
    assert first & scans(7)
    assert not first & scans(8)
