# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `service`: any ROS service, its request filled in from the parameters."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

from rclpy.task import Future

from ....messages import ErrorCode
from ....ros import entities
from ....ros.presence import instead_of_service, Presence
from ....ros.values import plain
from ....ros.walls import when_done
from .. import parameters
from ..kind import Kind, Robot, Schema, settings
from ..run import Rejection, Run
from ..template import BadValue, Template

# How many calls are with the server at a time: its queue keeps the last ten, and DDS drops what is
# before them without a word.
_MAX_CALLS = 8


@dataclass
class _Call:
    request: Any
    wait_until: float = 0.0
    future: Future | None = None


class Service(Kind[_Call]):
    """
    Calls a service; the result is the response, with the names the ROS type has.

    Fails if the response has a boolean `success` that is false, as those of std_srvs do. A call
    cannot be taken back: a cancel or the end of its time only ends the waiting for it.
    """

    settings_schema = settings(
        {
            'service': {'description': 'Name of the service', 'type': 'string', 'minLength': 1},
            'type': {'description': 'Its ROS type, package/srv/Name', 'type': 'string'},
            'request': {'description': 'Template of the request', 'type': 'object', 'default': {}},
            'server_timeout': {
                'description': 'How long an absent server is waited for, s',
                'type': 'number',
                'minimum': 0,
                'default': 5.0,
            },
            'parameters': parameters.DECLARATIONS,
        },
        required=['service', 'type'],
        timeout=30.0,
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        cls = parameters.interface(settings['type'], 'srv')
        self._schema = self.parameters_schema(settings)
        self._template = Template(
            cls.Request,
            settings['request'],
            self._schema['properties'],
            ('request',),
            lambda: robot.node.get_clock().now().to_msg(),
        )
        self._client = entities.client(robot.node, cls, settings['service'])
        Presence.of(robot.node).expect_service(settings['service'], cls, f'command {name}')
        self._calling: set[Run[_Call]] = set()
        self._waiting: deque[Run[_Call]] = deque()

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return parameters.schema(settings['parameters'])

    def prepare(self, run: Run[_Call]) -> Rejection | None:
        try:
            run.work = _Call(self._template.make(run.parameters))
        except BadValue as error:
            return Rejection(ErrorCode.BAD_PARAMETERS, str(error), {'schema': self._schema})
        return None

    def start(self, run: Run[_Call]) -> None:
        run.work.wait_until = time.monotonic() + self.settings['server_timeout']
        self._waiting.append(run)
        self._go_on()

    def _go_on(self) -> None:
        """Make the calls that wait, as many as the server can keep."""
        while (
            self._waiting and len(self._calling) < _MAX_CALLS and (self._client.service_is_ready())
        ):
            self.robot.runs.guarded(self._waiting.popleft(), self._call)

    def _call(self, run: Run[_Call]) -> None:
        self._calling.add(run)
        run.work.future = self._client.call_async(run.work.request)
        when_done(run.work.future, lambda future: self._answered(run, future))

    def poll(self, run: Run[_Call]) -> None:
        self._go_on()
        if (
            run.work.future is None
            and time.monotonic() > run.work.wait_until
            and (not self._client.service_is_ready())
        ):
            self._waiting.remove(run)
            run.fail(
                ErrorCode.NO_SERVICE,
                f'no service {self.settings["service"]} within '
                f'{self.settings["server_timeout"]:g} s'
                + instead_of_service(
                    self.robot.node, self._client.service_name, self._client.srv_type
                ),
            )

    def cancel(self, run: Run[_Call]) -> None:
        if run.work.future is not None:
            self._client.remove_pending_request(run.work.future)
            run.canceled('nobody waits for the answer any more; the call itself goes on')
        else:
            run.canceled('cancelled before the call')
        self._leave(run)

    def _leave(self, run: Run[_Call]) -> None:
        """Give its place to the next."""
        self._calling.discard(run)
        if run in self._waiting:
            self._waiting.remove(run)
        self._go_on()

    def _answered(self, run: Run[_Call], future: Future) -> None:
        self._leave(run)
        result = plain(future.result())
        if result.get('success') is False:
            run.fail(
                ErrorCode.UNSUCCESSFUL,
                str(result.get('message') or 'the service says: no success'),
                response=result,
            )
        else:
            run.succeed(result)
