# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The worlds that move something or are not here: an operator's yes, a bound, NOT EXECUTED."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from action_msgs.msg import GoalStatusArray
from fixtures.processes import Process
from fixtures.system import start_robot
from nav2_msgs.msg import SpeedLimit
from nav_msgs.msg import Odometry
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from xparo_bridge.scenarios.worlds import WORLDS

ARRIVE = """\
steps:
  - send: {command: start_navigation, goal: {x: 2.0, y: 4.0}}
  - expect: {status: succeeded, within: 60 s}
then:
  - pose: {x: 2.0, y: 4.0, within: 0.3 m}
"""


def scenario(folder: Path, *arguments: str) -> Process:
    file = folder / 'arrive.yaml'
    file.write_text(ARRIVE)
    return Process.module(
        *('xparo_bridge', 'scenario', str(file), '--report', str(folder / 'report')),
        *arguments,
        name='scenario',
    )


@contextmanager
def heard(topics: dict[str, tuple[type, Callable[[Any], None]]]) -> Iterator[None]:
    """Hear topics all the time, in a thread."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node, executor = Node('watcher', context=context), SingleThreadedExecutor(context=context)
    for name, (kind, take) in topics.items():
        node.create_subscription(kind, name, take, 10)
    executor.add_node(node)
    thread = Thread(target=executor.spin)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join(10.0)
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.timeout(240)
def test_a_robot_moves_with_an_operators_yes_alone_and_no_faster_than_the_bound(tmp_path):
    # The simulated robot stands in for a real one: it was there before, and stays.
    limits: list[float] = []
    goals: list[int] = []
    speeds: list[float] = []
    moves = Event()

    def odometry(message: Odometry) -> None:
        speeds.append(abs(message.twist.twist.linear.x))
        moves.set()

    topics = {
        '/speed_limit': (SpeedLimit, lambda limit: limits.append(limit.speed_limit)),
        '/navigate_to_pose/_action/status': (
            GoalStatusArray,
            lambda status: goals.append(len(status.status_list)),
        ),
        '/odom': (Odometry, odometry),
    }
    with start_robot(1.0), heard(topics):
        assert moves.wait(30.0), 'no odometry'
        for arguments, missing in (
            ([], r"an operator's yes \(--yes\).*a bound of the speed \(--max-speed"),
            (['--max-speed', '0.3'], r"an operator's yes \(--yes\)"),
            (['--yes'], r'a bound of the speed \(--max-speed'),
        ):
            with scenario(tmp_path, '--in', 'robot', *arguments) as process:
                process.wait_for_line(f'NOT EXECUTED arrive.*{missing}', timeout=60.0)
                assert process.wait(30.0) == 3
        assert (limits, goals) == ([], [])
        assert max(speeds) == 0.0
        arguments = ['--in', 'robot', '--yes', '--max-speed', '0.3']
        with scenario(tmp_path, *arguments) as process:
            assert process.wait(120.0) == 0, '\n'.join(process.lines)
        assert limits == [pytest.approx(0.3)] * len(limits)
        assert limits
        assert goals
        assert 0.1 < max(speeds) < 0.33


@pytest.mark.parametrize('world', ['loopback', 'gazebo'])
def test_a_world_that_is_not_here_is_not_executed_and_names_what_is_missing(tmp_path, world):
    missing = WORLDS[world].missing({})
    if not missing:
        pytest.skip(f'{world} is installed')
    with scenario(tmp_path, '--in', world, '--repeat', '20') as process:
        for package in missing:
            process.wait_for_line(f'NOT EXECUTED arrive.*{package}', timeout=60.0)
        assert process.wait(30.0) == 3
        assert not [line for line in process.lines if 'passed arrive' in line]
    assert 'skipped="1"' in (tmp_path / 'report' / 'junit.xml').read_text()
