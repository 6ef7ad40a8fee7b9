# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read and write the poses of a goal as the releases of Nav2 do, and find those it missed.

`poses` is a list; of NavigateThroughPoses, from Kilted on, a nav_msgs/Goals around it. Missed
waypoints are numbers in Humble, nav2_msgs/MissedWaypoint in Jazzy and nav2_msgs/WaypointStatus
from Kilted on, where NavigateThroughPoses has the status of each of its poses too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def poses_of(goal: Any) -> list[Any]:
    """The poses of a goal of NavigateThroughPoses or FollowWaypoints."""
    return list(getattr(goal.poses, 'goals', goal.poses))


def set_poses(goal: Any, poses: Sequence[Any]) -> None:
    """Give a goal of NavigateThroughPoses or FollowWaypoints its poses."""
    if hasattr(goal.poses, 'goals'):
        # A new one, since goals that were copied share it.
        goals = type(goal.poses)(goals=list(poses))
        if poses:
            goals.header = poses[0].header
        goal.poses = goals
    else:
        goal.poses = list(poses)


def missed(result: Any) -> list[int]:
    """Which poses of a goal were not reached, counted from 0."""
    return list(_missed(result))


def _missed(result: Any) -> Iterator[int]:
    for waypoint in getattr(result, 'missed_waypoints', ()):
        yield int(getattr(waypoint, 'waypoint_index', getattr(waypoint, 'index', waypoint)))
    for waypoint in getattr(result, 'waypoint_statuses', ()):
        if waypoint.waypoint_status in (waypoint.SKIPPED, waypoint.FAILED):
            yield int(waypoint.waypoint_index)
