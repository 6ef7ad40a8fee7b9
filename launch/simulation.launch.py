# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Start Nav2's TurtleBot simulation, the local platform and the bridge.

    ros2 launch xparo_bridge simulation.launch.py                        # Gazebo
    ros2 launch xparo_bridge simulation.launch.py simulator:=loopback    # no physics, light
    ros2 run xparo_bridge local_platform send start_navigation --goal north --wait

Needs nav2_bringup and, for Gazebo, nav2_minimal_tb3_sim; for the other, nav2_loopback_sim.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import (
    EnvironmentVariable,
    LaunchConfiguration,
    ThisLaunchFileDir,
)
from launch_ros.substitutions import ExecutableInPackage

# Nav2's files; which of two names one has is a matter of the release, Kilted's or Jazzy's.
SIMULATIONS = {
    'gazebo': ['tb3_simulation_launch.py'],
    'loopback': ['tb3_loopback_simulation_launch.py', 'tb3_loopback_simulation.launch.py'],
}
# As config/simulation.yaml's place `start`.
INITIAL_POSE = (
    '{header: {frame_id: map}, pose: {pose: '
    '{position: {x: -2.0, y: -0.5}, orientation: {w: 1.0}}}}'
)


def include_nav2(context):
    """Include that one of Nav2's own simulations that was chosen, by the name it has here."""
    simulator = LaunchConfiguration('simulator').perform(context)
    folder = Path(get_package_share_directory('nav2_bringup'), 'launch')
    files = [folder / name for name in SIMULATIONS[simulator]]
    found = [file for file in files if file.exists()]
    if not found:
        raise RuntimeError(f'nav2_bringup has no {" or ".join(SIMULATIONS[simulator])}')
    arguments = {'use_rviz': LaunchConfiguration('use_rviz')}
    if simulator == 'gazebo':
        arguments['headless'] = LaunchConfiguration('headless')
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(found[0])), launch_arguments=arguments.items()
        )
    ]


def generate_launch_description():
    """Describe the simulation and what is started beside it."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('simulator', default_value='gazebo', choices=list(SIMULATIONS)),
            DeclareLaunchArgument('headless', default_value='True', description='Gazebo unseen'),
            DeclareLaunchArgument('use_rviz', default_value='False', description='Start RViz'),
            SetEnvironmentVariable(
                'XPARO_SECRET_KEY', EnvironmentVariable('XPARO_SECRET_KEY', default_value='demo')
            ),
            SetEnvironmentVariable(
                'XPARO_PROJECT_ID', EnvironmentVariable('XPARO_PROJECT_ID', default_value='demo')
            ),
            OpaqueFunction(function=include_nav2),
            # Where both simulations put the robot; Nav2's localization waits until it is told.
            ExecuteProcess(
                cmd=['ros2', 'topic', 'pub', '--times', '3', '-w', '1', '/initialpose']
                + ['geometry_msgs/msg/PoseWithCovarianceStamped', INITIAL_POSE],
                name='initial_pose',
                output='log',
            ),
            # No ROS node: it takes no ROS arguments.
            ExecuteProcess(
                cmd=[ExecutableInPackage(package='xparo_bridge', executable='local_platform')],
                name='local_platform',
                output='screen',
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource([ThisLaunchFileDir(), '/bridge.launch.py']),
                launch_arguments={'config': 'simulation.yaml', 'use_sim_time': 'true'}.items(),
            ),
        ]
    )
