# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Use a ROS service in a leaf.

RUNNING until the response is there; SUCCESS if it says so. FAILURE if it does not, or if the
server is absent or does not answer in time. Halted: the response is no longer waited for; the
server may do what it was asked all the same. No tick ever waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import time
from typing import Any

from rclpy.task import Future

from ...ros.presence import instead_of_service
from ...ros.walls import when_done
from ..errors import BehaviorError
from ..leaves import StatefulAction
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SUCCESS
from ..status import NodeStatus
from .action_leaf import read_ports, write_ports
from .answer import Answer
from .fields import find_type
from .tree_ros import tree_ros

# A service whose tree gives it less time than this is given this long, s; Nav2's trees say 20 ms.
_MIN_TIMEOUT = 1.0


@dataclass(frozen=True)
class ServiceUse:
    """
    Which service a type of leaf uses, and which ports are which fields.

    `success_if` is a script over the fields of the response; '' means always.
    """

    interface: str
    name: str
    request: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    success_if: str = ''
    server_timeout: float | None = None


class RosService(StatefulAction):
    """Calls a service and waits for its response."""

    def __init__(self, config: NodeConfig, use: ServiceUse) -> None:
        super().__init__(config)
        self.use = use
        self._type = find_type(use.interface)
        self._ros = tree_ros(config.context)
        self._name = self.find_input('service_name') or use.name
        self._client: Any = None
        if self._name:
            self._client = self._ros.service_client(self._type, self._name)
        self._answer = Answer(
            self._type.Response, use.success_if, config.context.enums, use.response
        )
        self._request: Any = None
        self._response: Future | None = None
        self._give_up_at = 0.0
        self._timeout = 0.0

    def make_request(self) -> Any:
        """
        Make the request from the ports.

        :raises BehaviorError: if that cannot be done, which fails the leaf.
        """
        request = self._type.Request()
        write_ports(self, request, self.use.request, self.use.required)
        return request

    def on_start(self) -> NodeStatus:
        self.feedback_message = ''
        self._response = None
        name = self.find_input('service_name') or self.use.name
        if not name:
            return self._fail('the port [service_name] has no value')
        if name != self._name:
            self._name = name
            self._client = self._ros.service_client(self._type, name)
        milliseconds = self.find_input('server_timeout')
        timeout = self.use.server_timeout if milliseconds is None else milliseconds / 1000
        self._timeout = max(
            self._ros.timeouts.server if timeout is None else timeout, _MIN_TIMEOUT
        )
        self._give_up_at = time.monotonic() + self._timeout
        try:
            self._request = self.make_request()
        except BehaviorError as error:
            return self._fail(str(error))
        return self.on_running()

    def on_running(self) -> NodeStatus:
        if self._response is None:
            if self._client.service_is_ready():
                self._response = self._client.call_async(self._request)
                when_done(self._response, lambda future: self.wake_up())
        elif self._response.done():
            return self._end(self._response.result())
        if time.monotonic() > self._give_up_at:
            sent = self._response is not None
            self.on_halted()
            return self._fail(
                f'{self._name} did not answer within {self._timeout:g} s'
                if sent
                else f'no service {self._name} within {self._timeout:g} s'
                + instead_of_service(self._ros.node, self._client.service_name, self._type)
            )
        return RUNNING

    def on_halted(self) -> None:
        if self._response is not None:
            self._client.remove_pending_request(self._response)
            self._response = None

    def _end(self, response: Any) -> NodeStatus:
        self._response = None
        read_ports(self, response, self.use.response)
        return self.on_response(response)

    def on_response(self, response: Any) -> NodeStatus:
        """Say what a response means to the tree."""
        if self._answer.is_yes(response):
            return SUCCESS
        return self._fail(getattr(response, 'message', '') or f'{self._name} said no')

    def _fail(self, reason: str) -> NodeStatus:
        self.feedback_message = reason
        return FAILURE
