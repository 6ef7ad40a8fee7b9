# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the bridge at random points: every command has one end after, and no goal runs on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
import random
import tempfile
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from fixtures.ros_graph import RosGraph
from fixtures.system import PROJECT_ID, SECRET_KEY, start_bridge, start_platform, start_robot
from rclpy.qos import qos_profile_action_status_default

from xparo_bridge.local.platform_client import OperatorClient
from xparo_bridge.local.platform_frames import TERMINAL_STATES

TIMES = 100
# Longest life of a bridge after it is connected, s.
_LIFE = 1.2
_ACTIONS = ('navigate_to_pose', 'follow_waypoints', 'spin', 'wait')
_RUNNING = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)
_ORDERS = (
    ('start_navigation', {'goal': 'table_4'}),
    ('start_navigation', {'goal': 'kitchen'}),
    ('start_navigation', {'goals': ['table_1', 'table_6'], 'loops': 5}),
    ('start_navigation', {'turn': 6.0}),
    ('wait', {'seconds': 30}),
    ('clear_costmap', {}),
    ('teleop', {'linear': 0.2}),
    ('list_commands', {}),
    ('cancel', {}),
    ('pause', {}),
    ('resume', {}),
    ('run_tree', {'tree_name': 'delivery_round'}),
    ('halt_tree', {}),
)


class _Goals:
    """Which goals the robot has, by its own word."""

    def __init__(self, graph: RosGraph) -> None:
        self._graph = graph
        self._latest: dict[str, list[GoalStatus]] = {}
        for action in _ACTIONS:
            graph.node.create_subscription(
                GoalStatusArray,
                f'{action}/_action/status',
                lambda message, action=action: self._latest.update({action: message.status_list}),
                qos_profile_action_status_default,
            )

    def running(self) -> list[str]:
        return [
            action
            for action, goals in self._latest.items()
            if any(goal.status in _RUNNING for goal in goals)
        ]

    def until_none(self) -> None:
        self._graph.until(lambda: not self.running(), 15.0, 'the end of all goals')


def run(times: int, seed: int) -> str:
    """Kill a bridge so often; raises AssertionError where a command or a goal is left over."""
    return asyncio.run(_run(times, random.Random(seed)))


async def _run(times: int, chance: random.Random) -> str:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        platform, port = start_platform()
        stack.enter_context(platform)
        stack.enter_context(start_robot(1.0))
        goals = _Goals(stack.enter_context(RosGraph('watcher')))
        async with await OperatorClient.connect(
            port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
        ) as operator:
            sent: dict[str, tuple[str, dict[str, Any]]] = {}
            for _ in range(times):
                await _live_and_die(folder, port, operator, chance, sent)
            since = operator.seq
            with start_bridge(folder, port):
                await _connected(operator, since)
                interrupted = await _check(operator, sent)
                await asyncio.to_thread(goals.until_none)
    return f'{len(sent)} commands ended once each, {interrupted} of them interrupted'


async def _connected(operator: OperatorClient, since: int) -> None:
    await operator.wait_for(
        lambda event: event.get('type') == 'robot_info' and event['seq'] > since, timeout=30.0
    )


async def _live_and_die(
    folder: Path,
    port: int,
    operator: OperatorClient,
    chance: random.Random,
    sent: dict[str, tuple[str, dict[str, Any]]],
) -> None:
    since = operator.seq
    with start_bridge(folder, port) as bridge:
        await _connected(operator, since)
        life = chance.uniform(0.0, _LIFE)
        orders = sorted(chance.uniform(0.0, life) for _ in range(chance.randint(1, 6)))
        at = 0.0
        for moment in orders:
            await asyncio.sleep(moment - at)
            at = moment
            command, parameters = chance.choice(_ORDERS)
            command_id = f'{len(sent)}-{command}'
            sent[command_id] = command, parameters
            await operator.send_command(command, parameters, command_id=command_id)
        await asyncio.sleep(life - at)
        bridge.kill()


async def _check(operator: OperatorClient, sent: dict[str, tuple[str, dict[str, Any]]]) -> int:
    """Wait for the end of each command and look at it; how many were interrupted."""
    interrupted = 0
    for command_id, (command, parameters) in sent.items():
        if command_id not in await _ends(operator):
            # It died in the socket, before the bridge read it, or is looked into still. To send it
            # again is the platform's right, and runs nothing twice.
            await operator.send_command(command, parameters, command_id=command_id)
            if command not in ('cancel', 'resume'):
                await operator.send_command('cancel', {}, command_id=f'{command_id}-end')
        await operator.wait_for_status(command_id, timeout=30.0)
    for command_id, ends in (await _ends(operator)).items():
        assert len(ends) == 1, f'{command_id} ended as {ends}'
        interrupted += any('interrupted' in end for end in ends)
    return interrupted


async def _ends(operator: OperatorClient) -> dict[str, set[str]]:
    """Every end told so far, each once, by command."""
    ends: dict[str, set[str]] = defaultdict(set)
    last = operator.seq
    async for event in operator.events():
        data = event.get('data')
        if event.get('type') == 'command_status' and data['state'] in TERMINAL_STATES:
            ends[data['command_id']].add(f'{data["state"]} {data.get("error", {}).get("code")}')
        if event['seq'] >= last:
            break
    return ends
