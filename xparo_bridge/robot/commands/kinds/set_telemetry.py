# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `set_telemetry`: switch telemetry on and off, and how often it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....ros.walls import owned_by
from ..kind import Kind, Robot, Schema, settings, SettingsError
from ..run import Run


class SetTelemetry(Kind[None]):
    """Result: the rates, Hz, of what is on now. Only what the configuration names can be set."""

    settings_schema = settings(
        {
            'groups': {
                'description': 'Groups and topics of the telemetry that may be set, with the '
                'highest rate each, Hz',
                'type': 'object',
                'minProperties': 1,
                'additionalProperties': {'type': 'number', 'exclusiveMinimum': 0, 'maximum': 1000},
            },
        },
        required=['groups'],
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        for group in settings['groups']:
            if group not in robot.telemetry.names:
                raise SettingsError(
                    ('groups', group),
                    'the telemetry has no such group or topic; '
                    f'it has {", ".join(robot.telemetry.names)}; to do without it, write '
                    f'commands: {{{name}: {{groups: {{{group}: null}}}}}} too',
                )

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        groups = settings['groups']
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['group'],
            'anyOf': [{'required': ['enabled']}, {'required': ['rate']}],
            'properties': {
                'group': {'enum': list(groups), 'description': 'a group or topic'},
                'enabled': {'type': 'boolean', 'description': 'whether it is sent'},
                'rate': {'type': 'number', 'exclusiveMinimum': 0, 'description': 'how often, Hz'},
            },
            'allOf': [
                {
                    'if': {'properties': {'group': {'const': group}}},
                    'then': {'properties': {'rate': {'maximum': most}}},
                }
                for group, most in groups.items()
            ],
        }

    def start(self, run: Run[None]) -> None:
        group, telemetry = run.parameters['group'], self.robot.telemetry
        with owned_by(None):  # What is subscribed to now outlives the command.
            if 'rate' in run.parameters:
                telemetry.set_rate(group, run.parameters['rate'])
            if 'enabled' in run.parameters:
                telemetry.enable(group, run.parameters['enabled'])
        run.succeed(
            {
                'rates': {
                    name: round(rate, 3)
                    for name, rate in telemetry.rates.items()
                    if name in self.settings['groups']
                }
            }
        )
