# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How far a goal is: its rounds, and what is left of one that was cancelled on its way."""

from __future__ import annotations

from copy import copy
import math
from typing import Any

from .nav2_goals import poses_of, set_poses


def begins_anew(before: Any, feedback: Any) -> bool:
    """Whether FollowWaypoints began another round of its goals since the feedback before."""
    return (
        hasattr(feedback, 'current_waypoint')
        and before is not None
        and bool(feedback.current_waypoint < before.current_waypoint)
    )


def remaining(goal: Any, feedback: Any, rounds: int = 0) -> Any:
    """
    Return the goal without what is done of it by its last feedback (None if there was none).

    `rounds` of FollowWaypoints are done. Nav2's actions report what is done; any other goal is
    returned as it is.
    """
    if feedback is None or not type(goal).__module__.startswith('nav2_msgs.'):
        return goal
    left = copy(goal)
    if hasattr(feedback, 'number_of_poses_remaining'):
        set_poses(left, poses_of(goal)[-max(1, feedback.number_of_poses_remaining) :])
    elif hasattr(goal, 'goal_index'):
        left.goal_index = feedback.current_waypoint
        left.number_of_loops = max(0, goal.number_of_loops - rounds)
    elif hasattr(feedback, 'angular_distance_traveled'):
        left.target_yaw -= math.copysign(feedback.angular_distance_traveled, goal.target_yaw)
    elif hasattr(feedback, 'distance_traveled'):
        left.target = type(goal.target)(
            x=max(0.0, goal.target.x - abs(feedback.distance_traveled))
        )
    return left
