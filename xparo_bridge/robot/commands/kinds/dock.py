# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `dock`: onto the charging dock, with Nav2's docking server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nav2_msgs.action import DockRobot

from ....messages import ErrorCode
from ....ros.geometry import NoPose, pose_stamped
from ..action_kind import ActionKind, ActiveGoal, Target
from ..docking import docking_settings
from ..kind import Robot, Schema
from ..places import UnknownPlace
from ..run import Rejection, Run

_STATES = {
    getattr(DockRobot.Feedback, name): name.lower()
    for name in (
        'NAV_TO_STAGING_POSE',
        'INITIAL_PERCEPTION',
        'CONTROLLING',
        'WAIT_FOR_CHARGE',
        'RETRY',
    )
}


class Dock(ActionKind):
    """
    Docks the robot; progress has the state and the retries, as Nav2 names them.

    Parameters: `dock`, its name in Nav2's dock database, or `place`, where it is.
    """

    settings_schema = docking_settings(
        'dock_robot',
        300.0,
        dock={
            'description': "Name in Nav2's dock database, where the command names none",
            'type': 'string',
            'default': '',
        },
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot, {settings['action']: DockRobot})

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {
                'dock': {'type': 'string', 'description': "name in Nav2's dock database"},
                'place': {'type': 'string', 'description': 'the place where the dock is'},
            },
            'not': {'required': ['dock', 'place']},
        }

    @classmethod
    def places_in(cls, parameters: Mapping[str, Any]) -> list[str]:
        return [parameters['place']] if 'place' in parameters else []

    def target(self, run: Run[ActiveGoal]) -> Target | Rejection:
        goal = DockRobot.Goal(dock_type=self.settings['dock_type'])
        if 'place' in run.parameters:
            try:
                goal.dock_pose = pose_stamped(self.robot.places[run.parameters['place']])
            except UnknownPlace as error:
                return Rejection(
                    ErrorCode.UNKNOWN_PLACE, str(error), {'known': self.robot.places.names}
                )
            except NoPose as error:
                return Rejection(ErrorCode.BAD_PARAMETERS, str(error))
            goal.use_dock_id = False
        else:
            goal.use_dock_id = True
            goal.dock_id = run.parameters.get('dock', self.settings['dock'])
        return Target(self.settings['action'], goal)

    def progress(self, active: ActiveGoal, feedback: Any) -> dict[str, Any]:
        return {'phase': _STATES.get(feedback.state, ''), 'retries': feedback.num_retries}

    def result(self, target: Target, result: Any) -> dict[str, Any]:
        return {'retries': result.num_retries}
