# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `navigate`: drive to a place, through places, or a bit on from here, with Nav2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import math
from typing import Any

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from nav2_msgs.action import (
    BackUp,
    DriveOnHeading,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
    Spin,
)

from ....messages import ErrorCode
from ....ros.geometry import FARTHEST, NoPose, pose_stamped, pose_values
from ....ros.nav2_goals import missed, set_poses
from ....ros.times import nearest_time
from ..action_kind import action_settings, ActionKind, ActiveGoal, Target
from ..kind import Robot, Schema
from ..places import UnknownPlace
from ..run import Rejection, Run

# Keys of the settings that name actions, their types and their usual names.
_ACTIONS = {
    'action': (NavigateToPose, 'navigate_to_pose'),
    'through_poses_action': (NavigateThroughPoses, 'navigate_through_poses'),
    'waypoints_action': (FollowWaypoints, 'follow_waypoints'),
    'spin_action': (Spin, 'spin'),
    'back_up_action': (BackUp, 'backup'),
    'drive_action': (DriveOnHeading, 'drive_on_heading'),
}
# Nav2's planner dies of coordinates beyond some 1e17 m; no map reaches to 1e6.
_COORDINATE = {'type': 'number', 'minimum': -FARTHEST, 'maximum': FARTHEST}
_POSE = {
    'x': _COORDINATE,
    'y': _COORDINATE,
    'yaw': _COORDINATE,
    'frame': {'type': 'string', 'minLength': 1},
}
_GOAL = {
    'description': 'a place, or a pose {x, y, yaw, frame} in m and rad',
    'type': ['string', 'object'],
    'properties': _POSE,
    'required': ['x', 'y'],
    'additionalProperties': False,
}


class Navigate(ActionKind):
    """
    Drives the base; a newer goal preempts the older one.

    Parameters, one of: `goal`, a place or a pose {x, y, yaw, frame} in m and rad, or the pose's
    keys themselves; `goals`, a list of these, driven through without a stop or, with
    `stop_at_each` or `loops`, from one to the next; `turn`, rad counter-clockwise; `distance`,
    m ahead, or back if negative. Progress has the goal by its name, distance_remaining (m), the
    times (s), recoveries, the current pose, and of loops the round and how many rounds there are,
    as far as the action reports them.
    """

    settings_schema = action_settings(
        {
            **{
                key: {
                    'description': f'Name of the action {kind.__name__}',
                    'type': 'string',
                    'default': name,
                }
                for key, (kind, name) in _ACTIONS.items()
            },
            'behavior_tree': {
                'description': 'Path on the robot of the tree the navigator shall use; empty for '
                'its own',
                'type': 'string',
                'default': '',
            },
            'speed': {
                'description': 'How fast distance is driven, m/s',
                'type': 'number',
                'exclusiveMinimum': 0,
                'default': 0.2,
            },
            'max_turn': {
                'description': 'Largest turn, rad',
                'type': 'number',
                'exclusiveMinimum': 0,
                'default': round(math.tau, 3),
            },
            'max_distance': {
                'description': 'Largest distance, m',
                'type': 'number',
                'exclusiveMinimum': 0,
                'default': 2.0,
            },
        },
        timeout=600.0,
        channel='base',
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(
            name, settings, robot, {settings[key]: kind for key, (kind, _) in _ACTIONS.items()}
        )

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        turn, distance = settings['max_turn'], settings['max_distance']
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {
                'goal': _GOAL,
                'goals': {
                    'description': 'goals to drive through',
                    'type': 'array',
                    'items': _GOAL,
                    'minItems': 1,
                    'maxItems': 500,
                },
                'stop_at_each': {
                    'type': 'boolean',
                    'description': 'stop at each of the goals, for its task',
                },
                'loops': {
                    'type': 'integer',
                    'minimum': 0,
                    'maximum': 10000,
                    'description': 'how often to repeat the round of goals',
                },
                'turn': {
                    'description': 'turn in place, rad counter-clockwise',
                    'type': 'number',
                    'minimum': -turn,
                    'maximum': turn,
                },
                'distance': {
                    'description': 'drive straight, m; back if negative',
                    'type': 'number',
                    'minimum': -distance,
                    'maximum': distance,
                },
                **_POSE,
            },
            'oneOf': [{'required': [key]} for key in ('goal', 'goals', 'turn', 'distance')]
            + [{'required': ['x', 'y']}],
            'dependentRequired': {
                'stop_at_each': ['goals'],
                'loops': ['goals'],
                'x': ['y'],
                'y': ['x'],
                'yaw': ['x'],
                'frame': ['x'],
            },
        }

    def target(self, run: Run[ActiveGoal]) -> Target | Rejection:
        parameters = run.parameters
        try:
            if 'goals' in parameters:
                return self._round(parameters)
            if 'turn' in parameters:
                return self._target('spin_action', target_yaw=float(parameters['turn']))
            if 'distance' in parameters:
                return self._straight(parameters['distance'])
            goal = parameters.get('goal', parameters)
            target = self._target(
                'action', pose=self._pose(goal), behavior_tree=self.settings['behavior_tree']
            )
            return replace(target, names=(_called(goal),))
        except UnknownPlace as error:
            return Rejection(
                ErrorCode.UNKNOWN_PLACE, str(error), {'known': self.robot.places.names}
            )
        except NoPose as error:
            return Rejection(ErrorCode.BAD_PARAMETERS, str(error))

    def _target(self, key: str, **fields: Any) -> Target:
        return Target(self.settings[key], _ACTIONS[key][0].Goal(**fields))

    def _round(self, parameters: Mapping[str, Any]) -> Target:
        poses = [self._pose(goal) for goal in parameters['goals']]
        if parameters.get('stop_at_each') or 'loops' in parameters:
            target = self._target('waypoints_action', number_of_loops=parameters.get('loops', 0))
        else:
            target = self._target(
                'through_poses_action', behavior_tree=self.settings['behavior_tree']
            )
        set_poses(target.goal, poses)
        return replace(target, names=tuple(map(_called, parameters['goals'])))

    def _straight(self, distance: float) -> Target:
        allowance = _duration(self.timeout)
        key = 'back_up_action' if distance < 0 else 'drive_action'
        return self._target(
            key,
            target=Point(x=abs(float(distance))),
            speed=float(self.settings['speed']),
            time_allowance=allowance,
        )

    def _pose(self, goal: str | Mapping[str, Any]) -> Any:
        return pose_stamped(self.robot.places[goal] if isinstance(goal, str) else goal)

    @classmethod
    def places_in(cls, parameters: Mapping[str, Any]) -> list[str]:
        goals = [parameters.get('goal'), *parameters.get('goals', ())]
        return [goal for goal in goals if isinstance(goal, str)]

    def progress(self, active: ActiveGoal, feedback: Any) -> dict[str, Any]:
        reported: dict[str, Any] = {}
        names = active.target.names
        for key in ('distance_remaining', 'distance_traveled', 'angular_distance_traveled'):
            if hasattr(feedback, key):
                reported[key] = round(float(getattr(feedback, key)), 3)
        for key in ('estimated_time_remaining', 'navigation_time'):
            if hasattr(feedback, key):
                reported[key] = _seconds(getattr(feedback, key))
        if hasattr(feedback, 'current_pose'):
            reported['recoveries'] = feedback.number_of_recoveries
            reported['pose'] = pose_values(feedback.current_pose.pose)
        if hasattr(feedback, 'number_of_poses_remaining'):
            reported['goals_remaining'] = left = feedback.number_of_poses_remaining
            reported['goal'] = names[-min(max(left, 1), len(names))]
        elif hasattr(feedback, 'current_waypoint'):
            reported['current_goal'] = feedback.current_waypoint
            reported['goal'] = names[min(feedback.current_waypoint, len(names) - 1)]
            loops = getattr(active.target.goal, 'number_of_loops', 0)
            if rounds := active.earlier + loops:
                reported['round'] = active.earlier + active.rounds + 1
                reported['rounds'] = rounds + 1
        elif names:
            reported['goal'] = names[0]
        return reported

    def result(self, target: Target, result: Any) -> dict[str, Any]:
        indices = missed(result)
        return {'missed_goals': indices} if indices else {}


def _called(goal: str | Mapping[str, Any]) -> str:
    """What a goal is called: a place by its name, a pose by where it is."""
    return goal if isinstance(goal, str) else f'{goal["x"]:g}, {goal["y"]:g}'


def _seconds(duration: Duration) -> float:
    return round(float(duration.sec + duration.nanosec * 1e-9), 1)


def _duration(seconds: float) -> Duration:
    """Duration of a time; zero, which is Nav2's word for no limit, if it has no end."""
    return nearest_time(Duration, int(seconds)) if math.isfinite(seconds) else Duration()
