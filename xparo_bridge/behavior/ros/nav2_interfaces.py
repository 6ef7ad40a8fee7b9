# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
List the actions and services of Nav2's nodes: the port that goes into each field, and back.

A port that the installed interface has no field for is read by nobody: releases of Nav2 add some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .action_leaf import ActionUse
from .fields import FieldError, find_type, MessageField
from .service_leaf import ServiceUse

_ALLOWANCE = {'time_allowance': 'time_allowance'}
_UNCHECKED = {'disable_collision_checks': 'disable_collision_checks', **_ALLOWANCE}
_ROUTE_GOAL = {
    'start': 'start',
    'goal': 'goal',
    'start_id': 'start_id',
    'goal_id': 'goal_id',
    'use_start': 'use_start',
    'use_poses': 'use_poses',
}


def _action(
    name: str, action: str, goal: Mapping[str, str] | None = None, *required: str, **options: Any
) -> ActionUse:
    return ActionUse(
        f'nav2_msgs/action/{name}',
        action,
        goal or {},
        required=frozenset(required),
        repeatable=True,
        **options,
    )


ACTIONS: dict[str, ActionUse] = {
    'AssistedTeleop': _action('AssistedTeleop', 'assisted_teleop', _ALLOWANCE),
    'BackUp': _action(
        'BackUp', 'backup', {'backup_dist': 'target.x', 'backup_speed': 'speed', **_UNCHECKED}
    ),
    'ComputeAndTrackRoute': _action(
        'ComputeAndTrackRoute',
        'compute_and_track_route',
        _ROUTE_GOAL,
        follows=True,
        result={'execution_duration': 'execution_duration'},
        feedback={
            name: name
            for name in (
                'last_node_id',
                'next_node_id',
                'current_edge_id',
                'route',
                'path',
                'rerouted',
            )
        },
    ),
    'ComputePathThroughPoses': _action(
        'ComputePathThroughPoses',
        'compute_path_through_poses',
        {'start': 'start', 'goals': 'goals', 'planner_id': 'planner_id'},
        'goals',
        result={'path': 'path', 'last_reached_index': 'last_reached_index'},
    ),
    'ComputePathToPose': _action(
        'ComputePathToPose',
        'compute_path_to_pose',
        {
            **{name: name for name in ('start', 'use_start', 'goal', 'planner_id', 'viapoints')},
        },
        'goal',
        result={'path': 'path'},
    ),
    'ComputeRoute': _action(
        'ComputeRoute',
        'compute_route',
        _ROUTE_GOAL,
        result={'route': 'route', 'path': 'path', 'planning_time': 'planning_time'},
    ),
    'DockRobot': _action(
        'DockRobot',
        'dock_robot',
        {
            name: name
            for name in (
                'use_dock_id',
                'dock_id',
                'dock_pose',
                'dock_type',
                'max_staging_time',
                'navigate_to_staging_pose',
            )
        },
        result={'success': 'success', 'num_retries': 'num_retries'},
    ),
    'DriveOnHeading': _action(
        'DriveOnHeading',
        'drive_on_heading',
        {'dist_to_travel': 'target.x', 'speed': 'speed', **_UNCHECKED},
    ),
    'FollowPath': _action(
        'FollowPath',
        'follow_path',
        {
            name: name
            for name in (
                'path',
                'controller_id',
                'goal_checker_id',
                'progress_checker_id',
                'path_handler_id',
            )
        },
        'path',
        feedback={'tracking_feedback': 'tracking_feedback'},
        follows=True,
    ),
    'FollowObject': _action(
        'FollowObject',
        'follow_object',
        {name: name for name in ('pose_topic', 'max_duration', 'tracked_frame')},
        result={'total_elapsed_time': 'total_elapsed_time'},
    ),
    'NavigateThroughPoses': _action(
        'NavigateThroughPoses',
        'navigate_through_poses',
        {'goals': 'poses', 'behavior_tree': 'behavior_tree'},
        'goals',
    ),
    'NavigateToPose': _action(
        'NavigateToPose',
        'navigate_to_pose',
        {'goal': 'pose', 'behavior_tree': 'behavior_tree'},
        'goal',
    ),
    'SmoothPath': _action(
        'SmoothPath',
        'smooth_path',
        {
            'unsmoothed_path': 'path',
            'max_smoothing_duration': 'max_smoothing_duration',
            'check_for_collisions': 'check_for_collisions',
            'smoother_id': 'smoother_id',
        },
        'unsmoothed_path',
        result={
            'smoothed_path': 'path',
            'smoothing_duration': 'smoothing_duration',
            'was_completed': 'was_completed',
        },
    ),
    'Spin': _action('Spin', 'spin', {'spin_dist': 'target_yaw', **_UNCHECKED}),
    'UndockRobot': _action(
        'UndockRobot',
        'undock_robot',
        {'dock_type': 'dock_type', 'max_undocking_time': 'max_undocking_time'},
        result={'success': 'success'},
    ),
    'Wait': _action('Wait', 'wait', {'wait_duration': 'time'}),
}
CANCELS = {
    'CancelAssistedTeleop': 'AssistedTeleop',
    'CancelBackUp': 'BackUp',
    'CancelComputeAndTrackRoute': 'ComputeAndTrackRoute',
    'CancelControl': 'FollowPath',
    'CancelDriveOnHeading': 'DriveOnHeading',
    'CancelFollowObject': 'FollowObject',
    'CancelSpin': 'Spin',
    'CancelWait': 'Wait',
}
_PLUGINS = {'plugins': 'plugins'}
_GET_COSTS = ServiceUse(
    'nav2_msgs/srv/GetCosts',
    '/global_costmap/get_cost_global_costmap',
    {'use_footprint': 'use_footprint'},
    success_if='success',
)
SERVICES: dict[str, ServiceUse] = {
    'CheckPoseOccupancy': _GET_COSTS,
    'RemoveInCollisionGoals': _GET_COSTS,
    'ToggleCollisionMonitor': ServiceUse('nav2_msgs/srv/Toggle', '', {'enable': 'enable'}),
    'ValidatePath': ServiceUse(
        'nav2_msgs/srv/IsPathValid',
        'is_path_valid',
        {
            name: name
            for name in (
                'path',
                'max_cost',
                'consider_unknown_as_obstacle',
                'layer_name',
                'footprint',
                'stop_at_first_collision',
                'max_lookahead_distance',
            )
        },
        required=frozenset(('path',)),
        success_if='is_valid',
    ),
    'ClearCostmapAroundPose': ServiceUse(
        'nav2_msgs/srv/ClearCostmapAroundPose',
        '',
        {'pose': 'pose', 'reset_distance': 'reset_distance', **_PLUGINS},
        required=frozenset(('pose',)),
    ),
    'ClearCostmapAroundRobot': ServiceUse(
        'nav2_msgs/srv/ClearCostmapAroundRobot',
        '',
        {'reset_distance': 'reset_distance', **_PLUGINS},
    ),
    'ClearCostmapExceptRegion': ServiceUse(
        'nav2_msgs/srv/ClearCostmapExceptRegion',
        '',
        {'reset_distance': 'reset_distance', **_PLUGINS},
    ),
    'ClearEntireCostmap': ServiceUse('nav2_msgs/srv/ClearEntireCostmap', '', _PLUGINS),
    'IsPathValid': ServiceUse(
        'nav2_msgs/srv/IsPathValid',
        'is_path_valid',
        {name: name for name in ('path', 'max_cost', 'consider_unknown_as_obstacle')},
        success_if='is_valid',
    ),
    'ReinitializeGlobalLocalization': ServiceUse(
        'std_srvs/srv/Empty', 'reinitialize_global_localization'
    ),
}
# What counts as a recovery in what Nav2 reports of a goal.
RECOVERIES = frozenset(
    (
        'AssistedTeleop',
        'BackUp',
        'Spin',
        'Wait',
        'ClearCostmapAroundPose',
        'ClearCostmapAroundRobot',
        'ClearCostmapExceptRegion',
        'ClearEntireCostmap',
    )
)


def of_this_release(use: ActionUse | ServiceUse) -> ActionUse | ServiceUse:
    """Leave out the ports that the installed interface has no field for."""
    cls = find_type(use.interface)
    if isinstance(use, ServiceUse):
        return replace(use, request=_present(cls.Request, use.request))
    return replace(
        use,
        goal=_present(cls.Goal, use.goal),
        result=_present(cls.Result, use.result),
        feedback=_present(cls.Feedback, use.feedback),
    )


def _present(cls: Any, ports: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for port, path in ports.items():
        try:
            MessageField(cls, path)
        except FieldError:
            continue
        found[port] = path
    return found
