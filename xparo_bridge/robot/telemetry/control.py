# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Change telemetry from ROS while it runs: service `~/telemetry/enable`, and a parameter
`telemetry.rate.NAME`, Hz, for each group and topic.
"""

from __future__ import annotations

import math
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from xparo_interfaces.srv import SetTelemetry

from ...ros.entities import service
from ...ros.walls import on_set_parameters
from .publisher import MAX_RATE, TelemetryPublisher

_PREFIX = 'telemetry.rate.'


class TelemetryControl:
    """Feature of the telemetry in ROS; on the ROS thread."""

    def __init__(self, node: Node, telemetry: TelemetryPublisher) -> None:
        """Declare what can be set; a rate that is set from the start counts from the start."""
        self._node = node
        self._telemetry = telemetry
        on_set_parameters(node, self._check, self._apply)
        for name in telemetry.names:
            node.declare_parameter(
                _PREFIX + name,
                _finite(telemetry.rate(name)),
                ParameterDescriptor(
                    description=f'How often telemetry {name} is sent, Hz; 0 for each sample',
                    floating_point_range=[FloatingPointRange(from_value=0.0, to_value=MAX_RATE)],
                    dynamic_typing=True,  # 5 is a rate as well as 5.0.
                ),
            )
        telemetry.on_rate = self._report_rate
        service(node, SetTelemetry, '~/telemetry/enable', self._on_request)

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        for name, rate in _rates(parameters):
            try:
                if isinstance(rate, bool) or not isinstance(rate, (int, float)):
                    raise ValueError(f'expected a rate in Hz for {name}, not {rate!r}')
                self._telemetry.check_rate(name, rate)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, parameters: list[Parameter]) -> None:
        for name, rate in _rates(parameters):
            self._telemetry.set_rate(name, float(rate))

    def _report_rate(self, name: str, rate: float) -> None:
        """Let the parameter say what was set in another way."""
        parameter = _PREFIX + name
        if self._node.get_parameter(parameter).value != _finite(rate):
            self._node.set_parameters([Parameter(parameter, value=_finite(rate))])

    def _on_request(
        self, request: SetTelemetry.Request, response: SetTelemetry.Response
    ) -> SetTelemetry.Response:
        try:
            if request.rate:
                self._telemetry.set_rate(request.name, request.rate)
            # A rate alone says nothing of on and off, as `enabled` is false where it is not set.
            if request.enabled or not request.rate:
                self._telemetry.enable(request.name, request.enabled)
        except (KeyError, ValueError) as error:
            response.error = str(error.args[0])
        response.success = not response.error
        return response


def _rates(parameters: list[Parameter]) -> list[tuple[str, Any]]:
    return [
        (parameter.name.removeprefix(_PREFIX), parameter.value)
        for parameter in parameters
        if parameter.name.startswith(_PREFIX)
    ]


def _finite(rate: float) -> float:
    return 0.0 if math.isinf(rate) else rate
