# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo does as a node of the robot: it chats, and puts a stone in the robot's way."""

from __future__ import annotations

from typing import Any


class RosFailed(Exception):
    """A service of the robot did not do what it was asked."""


def ask_platform(text: str) -> str:
    """Answer of the bridge's chat service; blocks."""
    from xparo_interfaces.srv import Chat

    response = _call(Chat, '/xparo_bridge/chat', Chat.Request(message=text, timeout=10.0))
    if not response.success:
        raise RosFailed(response.error)
    return str(response.reply)


def fail_next_goal() -> None:
    """Let the simulated robot abort the next goal, whichever it is; blocks."""
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    parameter = Parameter('fail_next', value='abort').to_parameter_msg()
    _call(
        SetParameters,
        '/simulated_robot/set_parameters',
        SetParameters.Request(parameters=[parameter]),
    )


def _call(kind: Any, name: str, request: Any) -> Any:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('demo', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        client = node.create_client(kind, name)
        if not client.wait_for_service(timeout_sec=10.0):
            raise RosFailed(f'there is no service {name}')
        # An answer is lost that the server sends before it has discovered this client.
        for _ in range(3):
            future = client.call_async(request)
            executor.spin_until_future_complete(future, timeout_sec=5.0)
            if future.done():
                return future.result()
        raise RosFailed(f'{name} did not answer')
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
