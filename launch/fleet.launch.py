# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Start a bridge for each robot of a fleet that lives in one ROS graph, in namespaces.

    ros2 launch xparo_bridge fleet.launch.py fleet:=/etc/xparo/fleet

The folder holds fleet.yaml, what all robots share, and a file for each robot, which names its
namespace: robot_7.yaml is laid over fleet.yaml and runs as /robot_7/xparo_bridge.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

COMMON = 'fleet.yaml'
SAMPLE = str(Path(get_package_share_directory('xparo_bridge'), 'config', 'fleet'))


def start_bridges(context):
    """Start one bridge for each file beside the common one."""
    folder = Path(LaunchConfiguration('fleet').perform(context)).expanduser()
    robots = sorted(path for path in folder.glob('*.yaml') if path.name != COMMON)
    if not (folder / COMMON).exists() or not robots:
        raise RuntimeError(
            f'{folder}: expected {COMMON} and at least one file for a robot beside it'
        )
    bridge = Path(__file__).with_name('bridge.launch.py')
    return [
        # A group of its own, or the arguments of one robot would be the next one's defaults.
        GroupAction(
            [
                IncludeLaunchDescription(
                    PythonLaunchDescriptionSource(str(bridge)),
                    launch_arguments={
                        'config': f'{folder / COMMON},{robot}',
                        'robot_id': robot.stem,
                        'namespace': robot.stem,
                    }.items(),
                )
            ],
            scoped=True,
            forwarding=False,
        )
        for robot in robots
    ]


def generate_launch_description():
    """Describe the fleet's folder."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'fleet', default_value=SAMPLE, description='Folder with fleet.yaml and the robots'
            ),
            OpaqueFunction(function=start_bridges),
        ]
    )
