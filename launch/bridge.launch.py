# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Start the bridge on a robot.

    ros2 launch xparo_bridge bridge.launch.py config:=/etc/xparo/fleet.yaml,/etc/xparo/robot.yaml

XPARO_SECRET_KEY and XPARO_PROJECT_ID come from the environment or from the file that the link's
credentials_file names.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

DEFAULTS = ['bridge.yaml', 'commands.yaml', 'places.yaml']


def start_bridge(context):
    """Start the bridge with the files given laid over the package's own."""

    def value(name):
        return LaunchConfiguration(name).perform(context)

    own = [path.strip() for path in value('config').split(',') if path.strip()]
    parameters = {
        'config': (DEFAULTS if value('defaults').lower() in ('true', '1') else []) + own,
        'use_sim_time': value('use_sim_time').lower() in ('true', '1'),
    }
    if value('robot_id'):
        parameters['robot_id'] = value('robot_id')
    return [
        Node(
            package='xparo_bridge',
            executable='bridge',
            name='xparo_bridge',
            namespace=value('namespace'),
            output='screen',
            emulate_tty=True,
            respawn=value('respawn').lower() in ('true', '1'),
            respawn_delay=2.0,
            parameters=[parameters],
            arguments=['--ros-args', '--log-level', value('log_level')],
        )
    ]


def generate_launch_description():
    """Describe the arguments and the one node."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'config',
                default_value='',
                description='Configuration files in layers, comma '
                "between them; a bare name is one of the package's own",
            ),
            DeclareLaunchArgument(
                'defaults',
                default_value='true',
                description=f'Lay them over {", ".join(DEFAULTS)} of the package',
            ),
            DeclareLaunchArgument(
                'robot_id', default_value='', description='Name to the platform'
            ),
            DeclareLaunchArgument('namespace', default_value='', description='ROS namespace'),
            DeclareLaunchArgument('use_sim_time', default_value='false', description='Use /clock'),
            DeclareLaunchArgument(
                'respawn', default_value='true', description='Start again if dead'
            ),
            DeclareLaunchArgument('log_level', default_value='info', description='debug, info, …'),
            OpaqueFunction(function=start_bridge),
        ]
    )
