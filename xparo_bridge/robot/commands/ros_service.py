# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Offer the commands to the robot's own nodes: `~/execute_command` and `~/command_status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from xparo_interfaces.msg import CommandStatus as CommandStatusMessage
from xparo_interfaces.srv import ExecuteCommand

from ...json_reader import JsonError, read_object
from ...json_writer import dumps_any
from ...messages import CommandState, CommandStatus, RemoteCommand
from ...ros.entities import publisher, service
from .router import Router

# The source of commands that come by this service, beside the names of the links.
LOCAL = 'ros'


class CommandService:
    """Lets nodes of the robot do what the platform does, by the same rules."""

    def __init__(self, node: Node, router: Router) -> None:
        self._node = node
        self._router = router
        self._status = publisher(
            node,
            CommandStatusMessage,
            '~/command_status',
            QoSProfile(depth=50, durability=DurabilityPolicy.VOLATILE),
        )
        service(node, ExecuteCommand, '~/execute_command', self._on_execute)

    def publish(self, source: str, status: CommandStatus) -> None:
        """Report to the robot's nodes how a command stands."""
        if not self._status.get_subscription_count():
            return  # It is on the way of every command to its goal.
        error = status.error or {}
        self._status.publish(
            CommandStatusMessage(
                stamp=self._node.get_clock().now().to_msg(),
                command_id=status.command_id,
                command=status.command,
                state=status.state.value,
                source=source,
                progress=_json(status.progress),
                result=_json(status.result),
                error_code=error.get('code', ''),
                error=error.get('message', ''),
            )
        )

    def _on_execute(
        self, request: ExecuteCommand.Request, response: ExecuteCommand.Response
    ) -> ExecuteCommand.Response:
        parameters: dict[str, Any] = {}
        problems: tuple[str, ...] = ()
        try:
            parameters = read_object(request.parameters or '{}')
        except JsonError as error:
            problems = (f'parameters: {error}',)
        run = self._router.execute(
            RemoteCommand(request.command, parameters, request.command_id, problems=problems),
            LOCAL,
        )
        response.command_id = run.id
        response.accepted = run.state is not CommandState.REJECTED
        if run.status is not None and run.status.error:
            response.error = run.status.error['message']
        return response


def _json(values: Mapping[str, Any] | None) -> str:
    return dumps_any(values) if values else ''
