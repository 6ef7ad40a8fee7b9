# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Start the local platform, the simulated robot and the bridge on this machine.

    ros2 launch xparo_bridge demo.launch.py
    ros2 run xparo_bridge local_platform send start_navigation --goal table_4 --wait
"""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, ThisLaunchFileDir
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage


def generate_launch_description():
    """Describe the three programs; keys that are set already are kept."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('speed', default_value='1.0', description='Haste of the robot'),
            SetEnvironmentVariable(
                'XPARO_SECRET_KEY', EnvironmentVariable('XPARO_SECRET_KEY', default_value='demo')
            ),
            SetEnvironmentVariable(
                'XPARO_PROJECT_ID', EnvironmentVariable('XPARO_PROJECT_ID', default_value='demo')
            ),
            # No ROS node: it takes no ROS arguments.
            ExecuteProcess(
                cmd=[ExecutableInPackage(package='xparo_bridge', executable='local_platform')],
                name='local_platform',
                output='screen',
            ),
            Node(
                package='xparo_bridge',
                executable='simulated_robot',
                output='screen',
                parameters=[{'speed': LaunchConfiguration('speed')}],
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource([ThisLaunchFileDir(), '/bridge.launch.py']),
                launch_arguments={'config': 'demo.yaml'}.items(),
            ),
        ]
    )
