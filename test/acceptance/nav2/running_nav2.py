# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Whatever Nav2 is on this machine, as processes in a small room; or what is missing for it.

It is looked for in NAV2_PREFIX (prefixes of an installation, as AMENT_PREFIX_PATH has them), then
in AMENT_PREFIX_PATH. A `setup.bash` of the first prefix is sourced for its processes. There is no
laser scan: the costmaps have the map alone, and localization is perfect.
"""

from __future__ import annotations

from contextlib import ExitStack
import json
import os
from pathlib import Path
import sys
import time
from typing import Any

from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from lifecycle_msgs.srv import GetState
from nav2_msgs.srv import ManageLifecycleNodes

STARTUP, PAUSE, RESUME, RESET = range(4)
MANAGER = 'lifecycle_manager_navigation'
# Package and executable of each server, under the name of its node.
SERVERS = {
    'map_server': ('nav2_map_server', 'map_server'),
    'controller_server': ('nav2_controller', 'controller_server'),
    'planner_server': ('nav2_planner', 'planner_server'),
    'behavior_server': ('nav2_behaviors', 'behavior_server'),
    'bt_navigator': ('nav2_bt_navigator', 'bt_navigator'),
    'waypoint_follower': ('nav2_waypoint_follower', 'waypoint_follower'),
}
NEEDED = {
    **SERVERS,
    MANAGER: ('nav2_lifecycle_manager', 'lifecycle_manager'),
}
PLUGINS = ('nav2_navfn_planner', 'nav2_regulated_pure_pursuit_controller')
TIMEOUT = 90.0

# The room, m: a wall from below to above its middle.
WIDTH, HEIGHT, RESOLUTION = 10.0, 8.0, 0.05
WALL = (4.9, 5.1, 0.0, 5.0)
START = (2.0, 2.0)


def prefixes() -> list[Path]:
    """The installations to look in, the first first."""
    names = (os.environ.get(name, '') for name in ('NAV2_PREFIX', 'AMENT_PREFIX_PATH'))
    return [Path(part) for name in names for part in name.split(os.pathsep) if part]


def find(package: str, executable: str) -> Path | None:
    """An executable of a package."""
    for prefix in prefixes():
        path = prefix / 'lib' / package / executable
        if path.exists():
            return path
    return None


def missing() -> list[str]:
    """The packages of Nav2 that are not on this machine."""
    lacking = {package for package, name in NEEDED.values() if find(package, name) is None}
    lacking |= {
        package
        for package in PLUGINS
        if not any((prefix / 'share' / package).exists() for prefix in prefixes())
    }
    return sorted(lacking)


def version() -> str:
    """The version of Nav2 that was found."""
    for prefix in prefixes():
        manifest = prefix / 'share' / 'nav2_bt_navigator' / 'package.xml'
        if manifest.exists():
            return manifest.read_text().partition('<version>')[2].partition('<')[0]
    return 'unknown'


class Nav2:
    """The servers of Nav2 and a robot without dynamics; everything ends with the stack."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Start the processes; `manage` brings the servers up."""
        self._stack = stack
        self._parameters = write_parameters(folder)
        first = prefixes()[0]
        setup = first / 'setup.bash'
        self._wrap = (
            ['bash', '-c', f'source {setup} && exec "$@"', 'nav2'] if setup.exists() else []
        )
        robot = Process(
            [sys.executable, str(Path(__file__).with_name('loopback_robot.py')), *map(str, START)],
            name='loopback robot',
        )
        self.robot = stack.enter_context(robot)
        self.servers = {name: self.start(name) for name in NEEDED}
        self._killed = False

    def start(self, name: str) -> Process:
        """Start a server, or another one after the first."""
        executable = find(*NEEDED[name])
        arguments = ['--ros-args', '-r', f'__node:={name}', '--params-file']
        process = Process(
            [*self._wrap, str(executable), *arguments, str(self._parameters)], name=name
        )
        return self._stack.enter_context(process)

    def kill(self, name: str) -> None:
        """End a server as a crash would."""
        self._killed = True
        self.servers[name].kill()

    def restart(self, name: str) -> None:
        """Start a server that was killed."""
        self.servers[name] = self.start(name)

    def mend(self) -> None:
        """
        Begin anew if a server was killed.

        The lifecycle manager waits without end for an answer of one that died while it was asked.
        """
        if self._killed:
            self._killed = False
            for process in self.servers.values():
                process.kill()
            for name in NEEDED:
                self.restart(name)


def manage(graph: RosGraph, command: int) -> bool:
    """Have the lifecycle manager do something; whether it did."""
    service = f'/{MANAGER}/manage_nodes'
    request = ManageLifecycleNodes.Request(command=command)
    client = graph.node.create_client(ManageLifecycleNodes, service)
    try:
        graph.until(client.service_is_ready, TIMEOUT, service)
        return bool(graph.answer(lambda: client.call_async(request), TIMEOUT, again=20.0).success)
    finally:
        graph.node.destroy_client(client)


def state_of(graph: RosGraph, name: str) -> str:
    """The lifecycle state of a server."""
    response = graph.call(GetState, f'/{name}/get_state', GetState.Request())
    return str(response.current_state.label)


def bring_up(graph: RosGraph) -> None:
    """Have all servers active, from whatever state they are in."""
    end = time.monotonic() + TIMEOUT
    while (states := {state_of(graph, name) for name in SERVERS}) != {'active'}:
        assert time.monotonic() < end, f'Nav2 did not become active: {states}'
        if states == {'inactive'}:
            manage(graph, RESUME)
        else:
            if states != {'unconfigured'}:
                manage(graph, RESET)
            manage(graph, STARTUP)


def write_map(folder: Path) -> Path:
    """The room as a picture with its description."""
    columns, rows = round(WIDTH / RESOLUTION), round(HEIGHT / RESOLUTION)
    left, right, low, high = (round(value / RESOLUTION) for value in WALL)
    pixels = bytearray(b'\xff' * (columns * rows))
    for row in range(rows):
        for column in range(columns):
            edge = row in (0, rows - 1) or column in (0, columns - 1)
            if edge or (left <= column < right and low <= row < high):
                pixels[(rows - 1 - row) * columns + column] = 0
    (folder / 'room.pgm').write_bytes(b'P5\n%d %d\n255\n' % (columns, rows) + bytes(pixels))
    description = folder / 'room.yaml'
    description.write_text(
        f'image: room.pgm\nmode: trinary\nresolution: {RESOLUTION}\norigin: [0, 0, 0]\n'
        'negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.25\n'
    )
    return description


def write_parameters(folder: Path) -> Path:
    """The parameters of all servers; JSON is YAML."""
    stamped = {'enable_stamped_cmd_vel': False}
    inflation = {
        'plugin': 'nav2_costmap_2d::InflationLayer',
        'inflation_radius': 0.4,
        'cost_scaling_factor': 5.0,
    }
    static = {
        'plugin': 'nav2_costmap_2d::StaticLayer',
        'map_subscribe_transient_local': True,
        'map_topic': '/map',
    }
    costmap = {
        'robot_base_frame': 'base_link',
        'robot_radius': 0.2,
        'resolution': RESOLUTION,
        'plugins': ['static_layer', 'inflation_layer'],
        'static_layer': static,
        'inflation_layer': inflation,
        'always_send_full_costmap': True,
        'transform_tolerance': 1.0,
    }
    behaviors = {
        'spin': 'Spin',
        'backup': 'BackUp',
        'drive_on_heading': 'DriveOnHeading',
        'wait': 'Wait',
        'assisted_teleop': 'AssistedTeleop',
    }
    nodes: dict[str, Any] = {
        'map_server': {'yaml_filename': str(write_map(folder))},
        MANAGER: {'autostart': False, 'node_names': list(SERVERS), 'bond_timeout': 4.0},
        'planner_server': {
            'planner_plugins': ['GridBased'],
            'GridBased': {
                'plugin': 'nav2_navfn_planner::NavfnPlanner',
                'tolerance': 0.0,
                'allow_unknown': False,
            },
        },
        'controller_server': {
            **stamped,
            'controller_frequency': 10.0,
            'failure_tolerance': 2.0,
            'progress_checker_plugins': ['progress_checker'],
            'progress_checker': {
                'plugin': 'nav2_controller::SimpleProgressChecker',
                'required_movement_radius': 0.2,
                'movement_time_allowance': 20.0,
            },
            'goal_checker_plugins': ['goal_checker'],
            'goal_checker': {
                'plugin': 'nav2_controller::SimpleGoalChecker',
                'xy_goal_tolerance': 0.2,
                'yaw_goal_tolerance': 0.3,
            },
            'controller_plugins': ['FollowPath'],
            'FollowPath': {
                'plugin': (
                    'nav2_regulated_pure_pursuit_controller::RegulatedPurePursuitController'
                ),
                'desired_linear_vel': 0.5,
                'lookahead_dist': 0.5,
                'transform_tolerance': 1.0,
                'use_collision_detection': False,
                'use_rotate_to_heading': True,
                'rotate_to_heading_angular_vel': 1.2,
            },
        },
        'behavior_server': {
            **stamped,
            'local_frame': 'odom',
            'global_frame': 'map',
            'robot_base_frame': 'base_link',
            'transform_tolerance': 1.0,
            'behavior_plugins': list(behaviors),
            **{name: {'plugin': f'nav2_behaviors::{cls}'} for name, cls in behaviors.items()},
        },
        'bt_navigator': {
            'global_frame': 'map',
            'robot_base_frame': 'base_link',
            'odom_topic': 'odom',
            'transform_tolerance': 1.0,
            # A busy machine: a server may take its time to answer.
            'default_server_timeout': 1000,
            'wait_for_service_timeout': 20000,
            'navigators': ['navigate_to_pose', 'navigate_through_poses'],
            'navigate_to_pose': {'plugin': 'nav2_bt_navigator::NavigateToPoseNavigator'},
            'navigate_through_poses': {
                'plugin': 'nav2_bt_navigator::NavigateThroughPosesNavigator'
            },
        },
        'waypoint_follower': {
            'stop_on_failure': False,
            'waypoint_task_executor_plugin': 'wait_at_waypoint',
            'wait_at_waypoint': {
                'plugin': 'nav2_waypoint_follower::WaitAtWaypoint',
                'enabled': True,
                'waypoint_pause_duration': 100,
            },
        },
    }
    parameters: dict[str, Any] = {
        name: {'ros__parameters': values} for name, values in nodes.items()
    }
    parameters['global_costmap'] = {
        'global_costmap': {'ros__parameters': {**costmap, 'global_frame': 'map'}}
    }
    parameters['local_costmap'] = {
        'local_costmap': {
            'ros__parameters': {
                **costmap,
                'global_frame': 'odom',
                'rolling_window': True,
                'width': 3,
                'height': 3,
            }
        }
    }
    file = folder / 'nav2.yaml'
    file.write_text(json.dumps(parameters))
    return file
