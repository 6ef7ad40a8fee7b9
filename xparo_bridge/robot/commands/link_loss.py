# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Act where no platform was there for a while, and where one is back.

The answer is a command of the configuration: pause, cancel, a way home, a tree; without one the
robot goes on. It is tried again until it is taken. What a pause cannot hold is cancelled, as
nobody is there to see that the robot moves on. When a platform is back, what was paused by this is
resumed and what was started is cancelled, or the command `back` is run instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rclpy.node import Node

from ...configuration import Configuration, ConfigurationError
from ...messages import CommandState, ErrorCode, RemoteCommand
from ...ros.entities import timer
from .kinds.pause import Pause
from .router import Router
from .run import Run

# The source of these commands, beside the names of the links.
SOURCE = 'link_loss'
# How often a command that was not taken is tried again, s.
_RETRY_PERIOD = 2.0
# Ends of a command that its server never took.
_NOT_REACHED = (
    ErrorCode.NO_ACTION_SERVER,
    ErrorCode.NO_SERVICE,
    ErrorCode.NO_SUBSCRIBER,
    ErrorCode.GOAL_NOT_ANSWERED,
)


class LinkLoss:
    """Watches the links; on the ROS thread."""

    def __init__(self, node: Node, router: Router, configuration: Configuration) -> None:
        """Check the answer of the configuration; ConfigurationError if it cannot work."""
        self._logger = node.get_logger().get_child('link_loss')
        self._router = router
        self._settings: Mapping[str, Any] = configuration['link_loss']
        self._connected: set[str] = set()
        self._paused = False
        self._run: Run[Any] | None = None
        self._lost = False
        for path, order in (
            (('link_loss',), self._settings),
            (('link_loss', 'back'), self._settings['back']),
        ):
            problems = (
                order
                and order['command']
                and router.admission.problems(order['command'], order['parameters'])
            )
            if problems:
                raise ConfigurationError(
                    [configuration.problem((*path, 'command'), text) for text in problems]
                )
        self._timer = timer(node, self._settings['after'], self._on_lost, running=False)
        self._retry = timer(node, _RETRY_PERIOD, self._look_after, running=False)
        self._was_free = False

    def change(self, link: str, *, connected: bool) -> None:
        """Take note of a link's state."""
        if connected:
            self._connected.add(link)
            self._timer.cancel()
            if self._lost:
                self._lost = False
                self._on_back()
        elif link in self._connected:
            self._connected.discard(link)
            self._router.runs.lose(link)
            if not self._connected:
                self._timer.reset()

    def _on_lost(self) -> None:
        self._timer.cancel()
        self._lost = True
        if not self._settings['command']:
            return
        self._logger.warning(
            f'no platform for {self._settings["after"]:g} s: {self._settings["command"]}'
        )
        self._was_free = not self._router.motion_lock
        self._try()

    def _try(self) -> None:
        self._run = self._execute(self._settings)
        self._cancel_unpaused()
        self._paused = self._was_free and self._router.motion_lock == 'paused'
        self._retry.reset()

    def _look_after(self) -> None:
        """Try again while the command is refused, until it is taken or a platform is back."""
        run = self._run
        if run is None or run.status is None:
            self._retry.cancel()
            return
        self._cancel_unpaused()
        error = run.status.error or {}
        if run.state is CommandState.REJECTED or error.get('code') in _NOT_REACHED:
            self._logger.warning(f'{run.command.command}: {error.get("message")}; trying again')
            self._try()
        elif run.state is not CommandState.ACCEPTED:
            self._retry.cancel()

    def _cancel_unpaused(self) -> None:
        run = self._run
        if run is None or not isinstance(run.kind, Pause) or not self._router.lock.paused:
            return
        # At first what takes no pause; once the pause has ended, also what did not obey it.
        for name in self._router.cancel_unpaused(obeyed=not run.open):
            self._logger.warning(
                f'{name} cannot be paused and would move the robot without a platform: cancelled'
            )

    def _on_back(self) -> None:
        self._retry.cancel()
        run, self._run = self._run, None
        paused, self._paused = self._paused, False
        if self._settings['back']:
            self._execute(self._settings['back'])
            return
        if run is not None:
            if run.open:
                self._logger.info(f'a platform is back: {run.command.command} is cancelled')
            self._router.cancel(run)
        if paused and self._router.motion_lock == 'paused':
            self._logger.info('a platform is back: what was paused goes on')
            self._router.resume()

    def _execute(self, order: Mapping[str, Any]) -> Run[Any]:
        return self._router.execute(RemoteCommand(order['command'], order['parameters']), SOURCE)
