# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `action`: any ROS action, its goal filled in from the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....ros.values import plain
from .. import parameters
from ..action_kind import action_settings, ActionKind, ActiveGoal, Target
from ..kind import Robot, Schema
from ..run import Rejection, Run
from ..template import BadValue, Template


class Action(ActionKind):
    """
    Sends a goal; succeeds, fails and is cancelled with it.

    Progress is the feedback and the result the result, with the names the ROS type has. A pause
    holds it only where the goal may be sent again (`repeatable`).
    """

    settings_schema = action_settings(
        {
            'action': {'description': 'Name of the action', 'type': 'string', 'minLength': 1},
            'type': {'description': 'Its ROS type, package/action/Name', 'type': 'string'},
            'goal': {'description': 'Template of the goal', 'type': 'object', 'default': {}},
            'repeatable': {
                'description': 'Whether a pause may cancel the goal and send it again later',
                'type': 'boolean',
                'default': False,
            },
            'parameters': parameters.DECLARATIONS,
        },
        required=['action', 'type'],
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        cls = parameters.interface(settings['type'], 'action')
        self._schema = parameters.schema(settings['parameters'])
        self._template = Template(
            cls.Goal,
            settings['goal'],
            self._schema['properties'],
            ('goal',),
            lambda: robot.node.get_clock().now().to_msg(),
        )
        super().__init__(name, settings, robot, {settings['action']: cls})

    def parameters_schema(self) -> Schema:
        return self._schema

    def target(self, run: Run[ActiveGoal]) -> Target | Rejection:
        try:
            return Target(self.settings['action'], self._template.make(run.parameters))
        except BadValue as error:
            return Rejection('bad_parameters', str(error), {'schema': self._schema})

    def pause(self, run: Run[ActiveGoal]) -> bool:
        return self.settings['repeatable'] and super().pause(run)

    def progress(self, target: Target, feedback: Any) -> dict[str, Any]:
        return plain(feedback)

    def result(self, target: Target, result: Any) -> dict[str, Any]:
        return plain(result)
