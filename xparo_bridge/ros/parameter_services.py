# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Answers requests to set parameters of the bridge's node that rclpy itself raises an exception for.

rclpy reads a request before it looks whether it may be done, and a type that is none of ROS's, or
a value that does not fit it, is an exception there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter


def checked(callback: Callable[..., Any], kind: Any) -> Callable[..., Any]:
    """Wrap the callback of a service of `kind` if that sets parameters; return others as is."""
    if kind is SetParameters:

        def set_each(request: Any, response: Any) -> Any:
            results = []
            for parameter in request.parameters:
                refused = _refused(parameter)
                if refused is None:
                    one = SetParameters.Request(parameters=[parameter])
                    refused = callback(one, SetParameters.Response()).results[0]
                results.append(refused)
            response.results = results
            return response

        return set_each
    if kind is SetParametersAtomically:

        def set_all(request: Any, response: Any) -> Any:
            for parameter in request.parameters:
                if (refused := _refused(parameter)) is not None:
                    response.result = refused
                    return response
            return callback(request, response)

        return set_all
    return callback


def _refused(message: Any) -> SetParametersResult | None:
    try:
        Parameter.from_parameter_msg(message)
    except (ValueError, TypeError) as error:
        return SetParametersResult(successful=False, reason=f'no parameter: {error}')
    return None
