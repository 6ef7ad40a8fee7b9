# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Start the bridge on a robot.

    ros2 launch xparo_bridge bridge.launch.py config:=/etc/xparo/site.yaml,/etc/xparo/robot.yaml
    ros2 launch xparo_bridge bridge.launch.py config:=/etc/xparo/fleet/ robot_id:=r7

The second starts a robot of a fleet's folder, in the namespace and with the remappings that the
folder gives it (docs/fleet.md).

XPARO_SECRET_KEY and XPARO_PROJECT_ID come from the environment or from the file that the link's
credentials_file names.
"""

from dataclasses import replace
import json
from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import matches_action
from launch.events.process import ShutdownProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from xparo_bridge.rollout.folder import is_fleet, Launch
from xparo_bridge.rollout.launching import launch_of, remappings
from xparo_bridge.rollout.source import DEFAULT_CONFIG as DEFAULTS

# Exit codes after which the bridge is not started again, because it would end the same way: told
# to stop, a wrong command line, a wrong configuration (docs/configuration.md).
FINAL = (0, 2, 78)
WORDS = {'true': True, '1': True, 'false': False, '0': False}


def start_bridge(context):
    """Start the bridge with the files given laid over the package's own."""

    def value(name):
        return LaunchConfiguration(name).perform(context)

    def yes(name):
        word = value(name).lower()
        if word not in WORDS:
            raise RuntimeError(f'{name}: expected true or false, not {value(name)!r}')
        return WORDS[word]

    own = [path.strip() for path in value('config').split(',') if path.strip()]
    launch = Launch()
    if len(own) == 1 and is_fleet(folder := Path(own[0]).expanduser()):
        launch = launch_of(folder, value('robot_id'))
        files = [f'{folder}/']
    else:
        files = (DEFAULTS if yes('defaults') else []) + own
    if not files:
        raise RuntimeError('defaults:=false leaves no configuration: give a file by config:=FILE')
    if value('namespace'):
        launch = replace(launch, namespace=value('namespace'))
    arguments = ['--ros-args', '--log-level', value('log_level')]
    if value('robot_id'):
        # Not among the parameters: in the file that launch writes of those, ROS reads 08 and 1e3
        # as numbers.
        arguments += ['-p', f'robot_id:={json.dumps(value("robot_id"))}']
    node = Node(
        package='xparo_bridge',
        executable='bridge',
        name='xparo_bridge',
        namespace=launch.namespace,
        output='screen',
        emulate_tty=True,
        respawn=yes('respawn'),
        respawn_delay=2.0,
        parameters=[{'config': files, 'use_sim_time': yes('use_sim_time') or launch.use_sim_time}],
        remappings=remappings(launch, namespaced_tf=yes('namespaced_tf')),
        arguments=arguments,
    )

    def ended(event, context):
        if event.returncode in FINAL and not context.is_shutdown:
            # By this launch takes the process for one that is to stay away.
            return [EmitEvent(event=ShutdownProcess(process_matcher=matches_action(node)))]
        return []

    return [RegisterEventHandler(OnProcessExit(target_action=node, on_exit=ended)), node]


def generate_launch_description():
    """Describe the arguments and the one node."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'config',
                default_value='',
                description='Configuration files in layers, comma '
                "between them; a bare name is one of the package's own; or the folder of a fleet",
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
            DeclareLaunchArgument(
                'namespaced_tf',
                default_value='true',
                description='With a namespace, take tf and tf_static of it, not /tf',
            ),
            DeclareLaunchArgument('use_sim_time', default_value='false', description='Use /clock'),
            DeclareLaunchArgument(
                'respawn',
                default_value='true',
                description='Start again after a failure; not after a wrong configuration',
            ),
            DeclareLaunchArgument('log_level', default_value='info', description='debug, info, …'),
            OpaqueFunction(function=start_bridge),
        ]
    )
