# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Start a bridge for each robot of a fleet that lives in one ROS graph, in namespaces.

    ros2 launch xparo_bridge fleet.launch.py fleet:=/etc/xparo/fleet

The folder is that of docs/fleet.md. A robot's namespace is the one that the folder gives it, else
its name: robots/robot_7.yaml runs as /robot_7/xparo_bridge.
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

from xparo_bridge.rollout.launching import launches_of

SAMPLE = str(Path(get_package_share_directory('xparo_bridge'), 'config', 'fleet'))


def start_bridges(context):
    """Start the bridges of the robots named, or of all."""
    folder = Path(LaunchConfiguration('fleet').perform(context)).expanduser()
    names = LaunchConfiguration('robots').perform(context)
    bridge = Path(__file__).with_name('bridge.launch.py')
    return [
        # A group of its own, or the arguments of one robot would be the next one's defaults.
        GroupAction(
            [
                IncludeLaunchDescription(
                    PythonLaunchDescriptionSource(str(bridge)),
                    launch_arguments={
                        'config': f'{folder}/',
                        'robot_id': name,
                        'namespace': launch.namespace,
                    }.items(),
                )
            ],
            scoped=True,
            forwarding=False,
        )
        for name, launch in launches_of(
            folder, [name.strip() for name in names.split(',') if name.strip()]
        ).items()
    ]


def generate_launch_description():
    """Describe the fleet's folder."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'fleet', default_value=SAMPLE, description='Folder with fleet.yaml and the robots'
            ),
            DeclareLaunchArgument(
                'robots', default_value='', description='Names, comma between them; all if empty'
            ),
            OpaqueFunction(function=start_bridges),
        ]
    )
