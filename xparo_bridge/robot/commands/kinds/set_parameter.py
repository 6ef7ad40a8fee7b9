# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `set_parameter`: a ROS parameter of another node, if the configuration names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.parameter import Parameter
from rclpy.task import Future

from ....ros import entities
from ....ros.presence import Presence
from ....ros.walls import when_done
from .. import parameters
from ..kind import Kind, Robot, Schema, settings
from ..run import Run

_PYTHON = {'number': float, 'integer': int}


class SetParameter(Kind[Future | None]):
    """Succeeds when the node has taken the value; fails with the node's reason."""

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
        allowed = settings['allowed']
        self._schema = {
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
        self._clients: dict[str, Client] = {}
        for entry in allowed.values():
            if entry['node'] not in self._clients:
                self._clients[entry['node']] = entities.client(
                    robot.node, SetParameters, f'{entry["node"]}/set_parameters'
                )
                Presence.of(robot.node).expect_service(
                    f'{entry["node"]}/set_parameters', SetParameters, f'command {name}'
                )

    def parameters_schema(self) -> Schema:
        return self._schema

    def start(self, run: Run[Future | None]) -> None:
        run.work = None
        self.poll(run)

    def poll(self, run: Run[Future | None]) -> None:
        entry = self.settings['allowed'][run.parameters['name']]
        client = self._clients[entry['node']]
        if run.work is not None or not client.service_is_ready():
            return
        value = run.parameters['value']
        value = _PYTHON.get(entry['value']['type'], lambda same: same)(value)
        message: ParameterMessage = Parameter(entry['parameter'], value=value).to_parameter_msg()
        run.work = client.call_async(SetParameters.Request(parameters=[message]))
        when_done(run.work, lambda future: self._answered(run, future))

    def cancel(self, run: Run[Future | None]) -> None:
        node = self.settings['allowed'][run.parameters['name']]['node']
        run.canceled(f'node {node} did not answer' if run.work else f'node {node} is not there')

    def _answered(self, run: Run[Future | None], future: Future) -> None:
        result = future.result().results[0]
        if result.successful:
            run.succeed({'name': run.parameters['name'], 'value': run.parameters['value']})
        else:
            run.fail('refused', result.reason or 'the node refused the value')
