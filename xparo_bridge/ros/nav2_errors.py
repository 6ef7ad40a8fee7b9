# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Name Nav2's error codes.

Names are those of the constants that the installed interfaces have, of whatever release. A code of
another action is looked for among all of nav2_msgs: NavigateToPose passes on the code of the
server that failed.
"""

from __future__ import annotations

from functools import cache
import importlib
from typing import Any

# Who failed, by the action whose error it is.
_WHO = {
    'AssistedTeleop': 'assisted teleoperation',
    'BackUp': 'backing up',
    'ComputeAndTrackRoute': 'the route server',
    'ComputePathThroughPoses': 'the planner',
    'ComputePathToPose': 'the planner',
    'ComputeRoute': 'the route server',
    'DockRobot': 'docking',
    'DriveOnHeading': 'driving on',
    'FollowGPSWaypoints': 'following the waypoints',
    'FollowObject': 'following the object',
    'FollowPath': 'the controller',
    'FollowWaypoints': 'following the waypoints',
    'NavigateThroughPoses': 'the navigator',
    'NavigateToPose': 'the navigator',
    'SmoothPath': 'the smoother',
    'Spin': 'turning',
    'UndockRobot': 'undocking',
    'Wait': 'waiting',
}
# What went wrong, by the name of the constant; {} stands for who failed.
_WHAT = {
    'COLLISION_AHEAD': '{} further would have led to a collision',
    'CONTROLLER_TIMED_OUT': 'the controller took too long',
    'DOCK_NOT_IN_DB': 'the dock is not in the dock database',
    'DOCK_NOT_VALID': 'the dock or its type is not valid',
    'FAILED_TO_CHARGE': 'the robot stands on the dock, and it does not charge',
    'FAILED_TO_CONTROL': '{} failed: the robot could not be controlled',
    'FAILED_TO_DETECT_DOCK': 'the dock was not detected',
    'FAILED_TO_DETECT_OBJECT': 'the object was not detected',
    'FAILED_TO_LOAD_BEHAVIOR_TREE': 'the navigator could not load its behavior tree',
    'FAILED_TO_MAKE_PROGRESS': 'the robot does not make progress: is it blocked?',
    'FAILED_TO_SMOOTH_PATH': 'the path could not be smoothed',
    'FAILED_TO_STAGE': 'the robot did not reach the staging pose before the dock',
    'GOAL_OCCUPIED': 'the goal is in an obstacle',
    'GOAL_OUTSIDE_MAP': 'the goal is outside the map',
    'GOAL_REJECTED': 'the server of the action rejected the goal',
    'INDETERMINANT_NODES_ON_GRAPH': 'start or goal is at no node of the route graph',
    'INVALID_CONTROLLER': 'the controller asked for is not loaded',
    'INVALID_EDGE_SCORER_USE': 'the route server uses an edge scorer wrongly',
    'INVALID_INPUT': '{} was given an invalid target',
    'INVALID_PATH': '{} was given an invalid path',
    'INVALID_PLANNER': 'the planner asked for is not loaded',
    'INVALID_SMOOTHER': 'the smoother asked for is not loaded',
    'NO_VALID_CONTROL': 'the controller found no way to go on without a collision',
    'NO_VALID_GRAPH': 'the route server has no valid graph',
    'NO_VALID_PATH': 'there is no free path to the goal',
    'NO_VALID_ROUTE': 'there is no route to the goal',
    'NO_VALID_WAYPOINTS': 'the list of waypoints is empty',
    'NO_VIAPOINTS_GIVEN': 'the list of goals is empty',
    'NO_WAYPOINTS_GIVEN': 'the list of waypoints is empty',
    'OPERATION_FAILED': 'an operation on the route failed',
    'PATIENCE_EXCEEDED': 'the controller found no valid command for too long',
    'SEND_GOAL_FAILURE': 'the goal could not be sent to the server of the action',
    'SMOOTHED_PATH_IN_COLLISION': 'the smoothed path leads into an obstacle',
    'START_OCCUPIED': 'the robot stands in an obstacle of the map',
    'START_OUTSIDE_MAP': 'the robot is outside the map',
    'STOP_ON_MISSED_WAYPOINT': 'the robot stopped, since it missed a waypoint',
    'TASK_EXECUTOR_FAILED': 'the task at a waypoint failed',
    'TF_ERROR': '{} lacks a transform: is the robot localized?',
    'TIMEOUT': '{} took too long',
    'UNKNOWN': '{} failed for an unknown reason',
}
# Codes of actions that an installation may lack although its robot sends them.
_ROUTES = {
    400: 'UNKNOWN',
    401: 'TF_ERROR',
    402: 'NO_VALID_GRAPH',
    403: 'INDETERMINANT_NODES_ON_GRAPH',
    404: 'TIMEOUT',
    405: 'NO_VALID_ROUTE',
    406: 'OPERATION_FAILED',
    407: 'INVALID_EDGE_SCORER_USE',
}


def is_nav2(result: Any) -> bool:
    """Whether a result is one of Nav2's actions."""
    return type(result).__module__.startswith('nav2_msgs.')


# What Nav2 writes to its log alone.
SILENCE = (
    'perhaps the frame of the goal is unknown, or a server of Nav2 was deactivated or ended: look '
    'into its log'
)


def is_silent(result: Any) -> bool:
    """Whether one of Nav2's actions could say why it failed, and does not."""
    code, text = (getattr(result, name, None) for name in ('error_code', 'error_msg'))
    return is_nav2(result) and code == 0 and not text


def describe(result: Any) -> tuple[str, str]:
    """Name and words of the error a result of one of Nav2's actions reports; else both empty."""
    # Results of Humble have no code.
    code = getattr(result, 'error_code', 0)
    if not code or not is_nav2(result):
        return '', ''
    action = type(result).__name__.removesuffix('_Result')
    name = codes_of(type(result)).get(code, '')
    if not name:
        action, name = _codes().get(code, ('ComputeRoute', _ROUTES.get(code, '')))
    return name, words(action, name)


def words(action: str, name: str) -> str:
    """What an error of an action means; of one that is new to the bridge, its name in words."""
    if name not in _WHAT:
        return name.replace('_', ' ').lower()
    return _WHAT[name].format(_WHO.get(action, action))


def codes_of(result: type[Any]) -> dict[int, str]:
    """The error codes of an action's result with their names."""
    return {
        value: name
        for name, value in vars(result).items()
        if type(value) is int and value and name.isupper() and '__' not in name
    }


@cache
def _codes() -> dict[int, tuple[str, str]]:
    """The error codes of all of nav2_msgs, each with the action and its name."""
    found: dict[int, tuple[str, str]] = {}
    for action, kind in sorted(vars(importlib.import_module('nav2_msgs.action')).items()):
        for code, name in codes_of(getattr(kind, 'Result', object)).items():
            found.setdefault(code, (action, name))
    return found
