# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Joystick states of a platform: topic `~/joy`, and the command that drives by them.

With `joystick.command` each state is that command's parameters (`axes`, `buttons`), by the same
rules as any command; without it the topic alone has it, for a node that drives.
"""

from __future__ import annotations

from sensor_msgs.msg import Joy

from ... import messages as msg
from ...ros.entities import publisher
from ..features import Feature, FeatureContext, Handlers


class Joystick(Feature):
    """Only links that may command move the robot."""

    def __init__(self, context: FeatureContext) -> None:
        self._context = context
        self._command = context.configuration['joystick']['command']
        self._joy = publisher(context.node, Joy, '~/joy')
        self.handlers = Handlers()
        self.handlers.on(msg.Teleop, self._on_teleop)

    def _on_teleop(self, link: str, teleop: msg.Teleop) -> None:
        self._context.links.send(
            msg.TeleopResult(self._context.roles.may_command(link) and self._move(link, teleop)),
            link,
        )

    def _move(self, link: str, teleop: msg.Teleop) -> bool:
        """Hand a state on; whether anything on the robot takes it."""
        joy = Joy(axes=list(teleop.axes), buttons=list(teleop.buttons))
        joy.header.stamp = self._context.node.get_clock().now().to_msg()
        self._joy.publish(joy)
        if self._command is None:
            return bool(self._joy.get_subscription_count())
        return self._context.execute(
            link,
            msg.RemoteCommand(
                self._command, {'axes': list(teleop.axes), 'buttons': list(teleop.buttons)}
            ),
        )
