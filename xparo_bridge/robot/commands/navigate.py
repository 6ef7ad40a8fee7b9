# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `navigate`: drive to a named place or a pose with Nav2's NavigateToPose."""

from __future__ import annotations

from collections.abc import Mapping
import difflib
from typing import Any

from nav2_msgs.action import NavigateToPose

from ..geometry import pose_stamped, pose_values
from .action import ActionKind
from .kind import Schema
from .run import Run


class Navigate(ActionKind):
    """
    Drives the base; a newer goal preempts the older one.

    Parameters: `goal`, a place of the configuration or a pose {x, y, yaw, frame} in m and rad;
    or the pose's keys themselves. Progress has distance_remaining (m), the times (s), recoveries
    and the current pose.
    """

    action_type = NavigateToPose
    channel = 'base'

    settings_schema = ActionKind.settings('navigate_to_pose', timeout=600.0)

    def parameters_schema(self) -> Schema:
        pose = {
            'x': {'type': 'number'}, 'y': {'type': 'number'}, 'yaw': {'type': 'number'},
            'frame': {'type': 'string', 'minLength': 1}}
        return {
            'type': 'object', 'additionalProperties': False,
            'properties': {
                'goal': {
                    'description': 'a place, or a pose {x, y, yaw, frame} in m and rad',
                    'type': ['string', 'object'], 'properties': pose, 'required': ['x', 'y'],
                    'additionalProperties': False},
                **pose},
            'oneOf': [{'required': ['goal']}, {'required': ['x', 'y']}],
        }

    def make_goal(self, run: Run) -> NavigateToPose.Goal | None:
        pose = self._pose(run, run.parameters.get('goal', run.parameters))
        return None if pose is None else NavigateToPose.Goal(pose=pose_stamped(pose))

    def progress(self, feedback: NavigateToPose.Feedback) -> dict[str, Any]:
        return {
            'distance_remaining': round(float(feedback.distance_remaining), 3),
            'estimated_time_remaining': _seconds(feedback.estimated_time_remaining),
            'navigation_time': _seconds(feedback.navigation_time),
            'recoveries': feedback.number_of_recoveries,
            'pose': pose_values(feedback.current_pose.pose),
        }

    def _pose(self, run: Run, goal: str | Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not isinstance(goal, str):
            return goal
        places = self.robot.places
        if goal in places:
            return places[goal]
        near = difflib.get_close_matches(goal, places, 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        run.reject('unknown_place', f'there is no place "{goal}"{hint}', known=sorted(places))
        return None


def _seconds(duration: Any) -> float:
    return round(duration.sec + duration.nanosec * 1e-9, 1)
