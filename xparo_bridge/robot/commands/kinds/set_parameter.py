# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `set_parameter`: a ROS parameter of another node, if the configuration names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from ....ros.parameter_setting import NotSet, RemoteParameters, Setting
from ....ros.presence import Presence
from .. import parameters
from ..kind import Kind, Robot, Schema, settings
from ..run import Run

_PYTHON = {'number': float, 'integer': int}


class SetParameter(Kind[Setting | None]):
    """Succeeds when the node has the value; fails with the node's reason."""

    settings_schema = settings(
        {
            'allowed': {
                'description': 'What may be set: a name of your choice, the node, its parameter, '
                'and what the value may be',
                'type': 'object',
                'minProperties': 1,
                'additionalProperties': {
                    'type': 'object',
                    'required': ['node', 'parameter', 'value'],
                    'additionalProperties': False,
                    'properties': {
                        'node': {'type': 'string', 'minLength': 1},
                        'parameter': {'type': 'string', 'minLength': 1},
                        'value': parameters.DECLARATIONS['additionalProperties'],
                    },
                },
            },
        },
        required=['allowed'],
        timeout=10.0,
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        self._nodes: dict[str, RemoteParameters] = {}
        for entry in settings['allowed'].values():
            if entry['node'] not in self._nodes:
                self._nodes[entry['node']] = RemoteParameters(robot.node, entry['node'])
                Presence.of(robot.node).expect_service(
                    f'{entry["node"]}/set_parameters', SetParameters, f'command {name}'
                )

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        allowed = settings['allowed']
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['name', 'value'],
            'properties': {
                'name': {'enum': list(allowed), 'description': 'what to set'},
                'value': {'description': 'what to set it to'},
            },
            'allOf': [
                {
                    'if': {'properties': {'name': {'const': name}}},
                    'then': {
                        'properties': {
                            'value': {
                                key: value
                                for key, value in entry['value'].items()
                                if key != 'required'
                            }
                        }
                    },
                }
                for name, entry in allowed.items()
            ],
        }

    def start(self, run: Run[Setting | None]) -> None:
        run.work = None
        self.poll(run)

    def poll(self, run: Run[Setting | None]) -> None:
        entry = self.settings['allowed'][run.parameters['name']]
        node = self._nodes[entry['node']]
        if run.work is not None or not node.ready:
            return
        value = run.parameters['value']
        value = _PYTHON.get(entry['value']['type'], lambda same: same)(value)
        message: ParameterMessage = Parameter(entry['parameter'], value=value).to_parameter_msg()
        run.work = node.set(message, lambda problem: self._answered(run, problem))

    def cancel(self, run: Run[Setting | None]) -> None:
        node = self.settings['allowed'][run.parameters['name']]['node']
        if run.work is None:
            run.canceled(f'node {node} is not there')
        else:
            run.work.cancel()
            run.canceled(f'node {node} did not answer')

    def _answered(self, run: Run[Setting | None], problem: NotSet | None) -> None:
        if problem is None:
            run.succeed({'name': run.parameters['name'], 'value': run.parameters['value']})
        else:
            run.fail(problem.code, problem.text)
