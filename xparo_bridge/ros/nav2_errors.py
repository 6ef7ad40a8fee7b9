# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What do Nav2's error codes mean.

The codes are those of the Result messages of nav2_msgs (Jazzy). A hundred belong to each server,
and NavigateToPose passes on the code of the server that failed, so one table does for all.
"""

from __future__ import annotations

from typing import Any

_CODES = {
    100: ('UNKNOWN', 'the controller failed for an unknown reason'),
    101: ('INVALID_CONTROLLER', 'the controller asked for is not loaded'),
    102: ('TF_ERROR', 'the controller lacks a transform: is the robot localized?'),
    103: ('INVALID_PATH', 'the controller was given an invalid path'),
    104: ('PATIENCE_EXCEEDED', 'the controller found no valid command for too long'),
    105: ('FAILED_TO_MAKE_PROGRESS', 'the robot does not get on: is it blocked?'),
    106: ('NO_VALID_CONTROL', 'the controller found no way to go on without a collision'),
    107: ('CONTROLLER_TIMED_OUT', 'the controller took too long'),
    200: ('UNKNOWN', 'the planner failed for an unknown reason'),
    201: ('INVALID_PLANNER', 'the planner asked for is not loaded'),
    202: ('TF_ERROR', 'the planner lacks a transform: is the robot localized?'),
    203: ('START_OUTSIDE_MAP', 'the robot is outside the map'),
    204: ('GOAL_OUTSIDE_MAP', 'the goal is outside the map'),
    205: ('START_OCCUPIED', 'the robot stands in an obstacle of the map'),
    206: ('GOAL_OCCUPIED', 'the goal is in an obstacle'),
    207: ('TIMEOUT', 'the planner took too long'),
    208: ('NO_VALID_PATH', 'there is no free path to the goal'),
    300: ('UNKNOWN', 'the planner failed for an unknown reason'),
    301: ('INVALID_PLANNER', 'the planner asked for is not loaded'),
    302: ('TF_ERROR', 'the planner lacks a transform: is the robot localized?'),
    303: ('START_OUTSIDE_MAP', 'the robot is outside the map'),
    304: ('GOAL_OUTSIDE_MAP', 'a goal is outside the map'),
    305: ('START_OCCUPIED', 'the robot stands in an obstacle of the map'),
    306: ('GOAL_OCCUPIED', 'a goal is in an obstacle'),
    307: ('TIMEOUT', 'the planner took too long'),
    308: ('NO_VALID_PATH', 'there is no free path through the goals'),
    309: ('NO_VIAPOINTS_GIVEN', 'the list of goals is empty'),
    400: ('UNKNOWN', 'the route server failed for an unknown reason'),
    401: ('TF_ERROR', 'the route server lacks a transform: is the robot localized?'),
    402: ('NO_VALID_GRAPH', 'the route server has no valid graph'),
    403: ('INDETERMINANT_NODES_ON_GRAPH', 'start or goal is at no node of the graph'),
    404: ('TIMEOUT', 'the route server took too long'),
    405: ('NO_VALID_ROUTE', 'there is no route to the goal'),
    406: ('OPERATION_FAILED', 'an operation on the route failed'),
    407: ('INVALID_EDGE_SCORER_USE', 'the route server uses an edge scorer wrongly'),
    500: ('UNKNOWN', 'the smoother failed for an unknown reason'),
    501: ('INVALID_SMOOTHER', 'the smoother asked for is not loaded'),
    502: ('TIMEOUT', 'the smoother took too long'),
    503: ('SMOOTHED_PATH_IN_COLLISION', 'the smoothed path leads into an obstacle'),
    504: ('FAILED_TO_SMOOTH_PATH', 'the path could not be smoothed'),
    505: ('INVALID_PATH', 'the smoother was given an invalid path'),
    600: ('UNKNOWN', 'following the waypoints failed for an unknown reason'),
    601: ('TASK_EXECUTOR_FAILED', 'the task at a waypoint failed'),
    700: ('UNKNOWN', 'turning failed for an unknown reason'),
    701: ('TIMEOUT', 'turning took too long'),
    702: ('TF_ERROR', 'turning lacks a transform: is the robot localized?'),
    703: ('COLLISION_AHEAD', 'turning on would have led to a collision'),
    710: ('UNKNOWN', 'backing up failed for an unknown reason'),
    711: ('TIMEOUT', 'backing up took too long'),
    712: ('TF_ERROR', 'backing up lacks a transform: is the robot localized?'),
    713: ('INVALID_INPUT', 'backing up was given an invalid target'),
    714: ('COLLISION_AHEAD', 'backing up further would have led to a collision'),
    720: ('UNKNOWN', 'driving on failed for an unknown reason'),
    721: ('TIMEOUT', 'driving on took too long'),
    722: ('TF_ERROR', 'driving on lacks a transform: is the robot localized?'),
    723: ('COLLISION_AHEAD', 'driving on would have led to a collision'),
    724: ('INVALID_INPUT', 'driving on was given an invalid target'),
    730: ('UNKNOWN', 'assisted teleoperation failed for an unknown reason'),
    731: ('TIMEOUT', 'the time of assisted teleoperation is over'),
    732: ('TF_ERROR', 'assisted teleoperation lacks a transform: is the robot localized?'),
    901: ('DOCK_NOT_IN_DB', 'the dock is not in the dock database'),
    902: ('DOCK_NOT_VALID', 'the dock or its type is not valid'),
    903: ('FAILED_TO_STAGE', 'the robot did not get to the place before the dock'),
    904: ('FAILED_TO_DETECT_DOCK', 'the dock was not seen'),
    905: ('FAILED_TO_CONTROL', 'the robot could not be steered onto or off the dock'),
    906: ('FAILED_TO_CHARGE', 'the robot stands on the dock, and it does not charge'),
    999: ('UNKNOWN', 'docking failed for an unknown reason'),
}


def is_nav2(result: Any) -> bool:
    """Whether a result is one of Nav2's actions."""
    return type(result).__module__.startswith('nav2_msgs.')


def describe(result: Any) -> tuple[str, str]:
    """Name and words of the error a result of one of Nav2's actions tells; else both empty."""
    if is_nav2(result):
        return _CODES.get(result.error_code, ('', ''))
    return '', ''
