# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `action`: any ROS action, its goal filled in from the parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ....messages import ErrorCode
from ....ros.motion_actions import moves_base
from ....ros.values import plain
from .. import parameters
from ..action_kind import action_settings, ActionKind, ActiveGoal, Target
from ..channels import BASE
from ..kind import Robot, Schema
from ..run import Rejection, Run
from ..template import BadValue, Template


class Action(ActionKind):
    """
    Sends a goal; succeeds, fails and is cancelled with it.

    Progress is the feedback and the result the result, with the names the ROS type has. Where it
    drives the base, it is on the channel of all that drive, and a pause cancels its goal and sends
    it again. Any other goal is paused only where it may be sent again (`repeatable`).
    """

    settings_schema = action_settings(
        {
            'action': {'description': 'Name of the action', 'type': 'string', 'minLength': 1},
            'type': {'description': 'Its ROS type, package/action/Name', 'type': 'string'},
            'goal': {'description': 'Template of the goal', 'type': 'object', 'default': {}},
            'motion': {
                'description': 'Whether it moves the robot; written as true: that it drives the '
                'base, as Nav2 types do by themselves',
                'type': ['boolean', 'null'],
                'default': None,
            },
            'repeatable': {
                'description': 'Whether a pause may cancel the goal and send it again later; '
                'if null, true for what drives the base and for types of Nav2',
                'type': ['boolean', 'null'],
                'default': None,
            },
            'parameters': parameters.DECLARATIONS,
        },
        required=['action', 'type'],
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        cls = parameters.interface(settings['type'], 'action')
        self._schema = self.parameters_schema(settings)
        self._template = Template(
            cls.Goal,
            settings['goal'],
            self._schema['properties'],
            ('goal',),
            lambda: robot.node.get_clock().now().to_msg(),
        )
        super().__init__(name, settings, robot, {settings['action']: cls})
        # An action that is not known may move something, as an arm, without driving.
        self.motion = settings['motion'] is not False
        self._drives = False
        if settings['motion'] or moves_base(settings['type']):
            self._drive()

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return parameters.schema(settings['parameters'])

    def target(self, run: Run[ActiveGoal]) -> Target | Rejection:
        try:
            return Target(self.settings['action'], self._template.make(run.parameters))
        except BadValue as error:
            return Rejection(ErrorCode.BAD_PARAMETERS, str(error), {'schema': self._schema})

    def learn_motion_actions(self, names: Collection[str]) -> None:
        if self.robot.node.resolve_topic_name(self.settings['action']) in names:
            self._drive()

    def _drive(self) -> None:
        if self.motion:
            self._drives = True
            self.channel = self.settings['channel'] or BASE

    def pause(self, run: Run[ActiveGoal]) -> bool:
        repeatable = self.settings['repeatable']
        if repeatable is None:
            repeatable = self._drives or self.settings['type'].startswith('nav2_msgs/')
        return repeatable and super().pause(run)

    def progress(self, active: ActiveGoal, feedback: Any) -> dict[str, Any]:
        return plain(feedback)

    def result(self, target: Target, result: Any) -> dict[str, Any]:
        return plain(result)
