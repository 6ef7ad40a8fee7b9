# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A robot to stop: a base, and three actions that say when they were asked to cancel.

The goals of `wait` are the bridge's own; those of `navigate_to_pose` and `follow_path` are sent by
another node, at SIGUSR1. It is a process of its own, so that what measures holds nothing up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import os
from pathlib import Path
import signal
import sys
import threading
import time
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / 'test'))

from fixtures.processes import Process  # noqa: E402
from geometry_msgs.msg import Twist  # noqa: E402
from nav2_msgs.action import FollowPath, NavigateToPose, Wait  # noqa: E402
import rclpy  # noqa: E402
from rclpy.action import ActionClient, ActionServer, CancelResponse  # noqa: E402
from rclpy.callback_groups import ReentrantCallbackGroup  # noqa: E402
from rclpy.executors import MultiThreadedExecutor  # noqa: E402

ACTIONS = {'wait': Wait, 'navigate_to_pose': NavigateToPose, 'follow_path': FollowPath}
OF_OTHERS = ('navigate_to_pose', 'follow_path')
_PATIENCE = 20.0  # s
# A goal keeps a thread as long as it runs, and `wait` is asked for again until it does: with six
# threads four such goals left none that took a cancel, and 2 stops of 100 seemed not to come.
_THREADS = 200


class StoppedRobot:
    """What the process has said of its base and its goals."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._from = 0

    def begin(self) -> None:
        """Look at nothing of what was said so far."""
        self._from = len(self._process.lines)

    def send_goals_of_others(self) -> None:
        """Have another node send a goal to each action that moves the base."""
        self._process.send_signal(signal.SIGUSR1)

    @property
    def said(self) -> list[str]:
        """All that was said since `begin`."""
        return self._process.lines[self._from :]

    def _said(self, what: str) -> list[float]:
        """When each thing was said since `begin`, in s of the monotonic clock."""
        lines = [line.rpartition(' ') for line in self.said]
        return [float(when) for said, _, when in lines if said == what]

    @property
    def moves(self) -> bool:
        """Whether the base was last told to move."""
        return max(self._said('moves'), default=0.0) > max(self._said('stands'), default=0.0)

    def runs(self, action: str) -> bool:
        """Whether an action has a goal that has not ended."""
        return len(self._said(f'goal {action}')) > len(self._said(f'end {action}'))

    def stood_at(self, after: float) -> float | None:
        """When the base was first told to stand after a moment, and not to move since."""
        moved = max(self._said('moves'), default=0.0)
        return min((s for s in self._said('stands') if s > max(after, moved)), default=None)

    def cancelled_at(self, after: float) -> float | None:
        """When the last of the actions was first asked to cancel; None while one was not."""
        times = [
            min((c for c in self._said(f'cancel {action}') if c > after), default=None)
            for action in ACTIONS
        ]
        return None if None in times else max(each for each in times if each is not None)


@contextmanager
def robot_to_stop() -> Iterator[StoppedRobot]:
    """Run one."""
    process = Process([sys.executable, __file__], name='robot to stop')
    try:
        process.wait_for_line('ready')
        yield StoppedRobot(process)
    finally:
        process.stop()


def _say(what: str) -> None:
    """Print a line with the time, in one piece: others print too."""
    os.write(1, f'{what} {time.monotonic()}\n'.encode())


class _Server:
    """An action whose goals last until they are cancelled."""

    def __init__(self, node: Any, name: str, kind: Any) -> None:
        self._name = name
        self._over = threading.Event()
        self._server = ActionServer(
            node,
            kind,
            name,
            partial(self._execute, kind),
            cancel_callback=self._cancel,
            callback_group=ReentrantCallbackGroup(),
        )

    def _execute(self, kind: Any, goal: Any) -> Any:
        _say(f'goal {self._name}')
        while not goal.is_cancel_requested:
            self._over.wait(0.05)
        goal.canceled()
        _say(f'end {self._name}')
        return kind.Result()

    def _cancel(self, request: Any) -> CancelResponse:
        _say(f'cancel {self._name}')
        return CancelResponse.ACCEPT


def main() -> None:
    """Be the robot."""
    wanted = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: wanted.set())
    rclpy.init()
    node = rclpy.create_node('robot_to_stop')
    servers = [_Server(node, name, kind) for name, kind in ACTIONS.items()]
    clients = {name: ActionClient(node, ACTIONS[name], name) for name in OF_OTHERS}
    moving = [False]

    def on_velocity(message: Twist) -> None:
        moves = message != Twist()
        if moves != moving[0]:
            moving[0] = moves
            _say('moves' if moves else 'stands')

    node.create_subscription(Twist, '/cmd_vel', on_velocity, 100)

    for client in clients.values():
        assert client.wait_for_server(_PATIENCE)
    _say(f'ready {len(servers)}')
    executor = MultiThreadedExecutor(_THREADS)
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    while wanted.wait():
        wanted.clear()
        for name, client in clients.items():
            client.send_goal_async(ACTIONS[name].Goal())


if __name__ == '__main__':
    main()
