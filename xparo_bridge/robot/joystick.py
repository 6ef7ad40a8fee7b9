# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Joystick states of a platform: topic `~/joy`, and the command that drives by them.

With `joystick.command` each state is that command's parameters (`axes`, `buttons`), by the same
rules as any command; without it the topic alone has it, for a node that drives.
"""

from __future__ import annotations

from sensor_msgs.msg import Joy

from .. import messages as msg
from .entities import publisher
from .face import Face, Surroundings


class Joystick(Face):
    """Only links that may command move the robot."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._command = around.configuration['joystick']['command']
        if self._command is not None and self._command not in around.configuration['commands']:
            around.configuration.refuse(
                ('joystick', 'command'), f'there is no command "{self._command}"')
        self._joy = publisher(around.node, Joy, '~/joy')
        self.handlers = {msg.Teleop: self._on_teleop}

    def _on_teleop(self, link: str, teleop: msg.Teleop) -> None:
        self._around.peers.send(msg.TeleopResult(
            self._around.routes.may_command(link) and self._move(link, teleop)), link)

    def _move(self, link: str, teleop: msg.Teleop) -> bool:
        """Hand a state on; whether anything on the robot takes it."""
        joy = Joy(axes=list(teleop.axes), buttons=list(teleop.buttons))
        joy.header.stamp = self._around.node.get_clock().now().to_msg()
        self._joy.publish(joy)
        if self._command is None:
            return bool(self._joy.get_subscription_count())
        return self._around.execute(link, msg.RemoteCommand(
            self._command, {'axes': list(teleop.axes), 'buttons': list(teleop.buttons)}))
