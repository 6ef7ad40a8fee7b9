# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How long do remote commands take, as the platform sees it.

Goals: from `remote_command` to the status that the action server has accepted, one after the
other, beside a floor program that has only websockets and an ActionClient. Services: 200 calls a
second, from `remote_command` to the end. Bridge, floor and the robot's servers are processes of
their own; bridge and floor take turns. Run: `python bench/commands.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from nav2_msgs.action import NavigateToPose
import rclpy
from rclpy.action import ActionClient, ActionServer
from rclpy.executors import SingleThreadedExecutor
from rows import Row, row, show
from std_srvs.srv import Trigger
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

_ROUNDS = 3
_GOALS = 60
_CALLS_PER_SECOND = 200
_SECONDS = 10.0
_COMMANDS = {
    'go': {'kind': 'navigate'},
    'call': {'kind': 'service', 'service': '/bench/trigger', 'type': 'std_srvs/srv/Trigger'},
}


class Platform:
    """A platform that only takes times."""

    def __init__(self) -> None:
        self.socket: Any = None
        self.connected = asyncio.Event()
        self.waiting: dict[tuple[str, str], asyncio.Future[float]] = {}

    async def serve(self, socket: Any) -> None:
        self.socket = socket
        self.connected.set()
        with contextlib.suppress(ConnectionClosed):  # The peer was killed.
            async for frame in socket:
                self._take(json.loads(frame))

    def _take(self, message: dict[str, Any]) -> None:
        if message['type'] == 'command_status':
            data = message['data']
            waiting = self.waiting.pop((data['command_id'], data['state']), None)
            if waiting is not None:
                waiting.set_result(time.perf_counter())

    def expect(self, command_id: str, state: str) -> asyncio.Future[float]:
        future = asyncio.get_running_loop().create_future()
        self.waiting[command_id, state] = future
        return future

    async def send(self, command: str, command_id: str, **parameters: Any) -> float:
        await self.socket.send(
            json.dumps(
                {
                    'type': 'remote_command',
                    'data': {
                        'command': command,
                        'parameters': parameters,
                        'command_id': command_id,
                    },
                }
            )
        )
        return time.perf_counter()


def run() -> list[Row]:
    """Rows of both."""
    os.environ.setdefault('ROS_DOMAIN_ID', '101')  # None of the tests'.
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    goals: dict[str, list[float]] = {'bridge': [], 'floor': []}
    calls: list[float] = []
    with _process('server'), tempfile.TemporaryDirectory() as folder:
        for _ in range(_ROUNDS):
            for role, found in goals.items():
                async with _client(role, Path(folder)) as platform:
                    found.append(median(await _goals(platform)))
                    if role == 'bridge':
                        calls += await _calls(platform)
    calls.sort()
    return [
        row(
            'remote_command to goal accepted, p50',
            median(goals['bridge']) * 1000,
            'ms',
            floor=median(goals['floor']) * 1000,
            goal=1.5,
            goal_is_ratio=True,
            note=f'{_GOALS} goals, {_ROUNDS} rounds in turn; the floor has websockets and an '
            'ActionClient only',
        ),
        row(
            f'{_CALLS_PER_SECOND} service commands a second, p99',
            calls[int(len(calls) * 0.99)] * 1000,
            'ms',
            goal=50.0,
            note=f'{len(calls)} answered, p50 {median(calls) * 1000:.1f} ms',
        ),
    ]


@contextlib.asynccontextmanager
async def _client(role: str, folder: Path) -> Any:
    platform = Platform()
    async with serve(platform.serve, '127.0.0.1', 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        if role == 'bridge':
            config = folder / 'robot.yaml'
            config.write_text(
                json.dumps(
                    {
                        'robot_id': 'bench',
                        'state_dir': tempfile.mkdtemp(dir=folder),
                        'commands': _COMMANDS,
                        'telemetry': {'groups': {}},
                        'links': [
                            {
                                'name': 'platform',
                                'protocol': 'xparo',
                                'url': f'ws://127.0.0.1:{port}',
                            }
                        ],
                    }
                )
            )
            argv = ['-m', 'xparo_bridge', 'bridge', '--ros-args', '-p', f'config:=[{config}]']
        else:
            argv = [__file__, 'floor', str(port)]
        with _process(*argv):
            await asyncio.wait_for(platform.connected.wait(), 30.0)
            for number in range(20):  # Discovery, and what is slow the first time.
                await _goal(platform, f'warm-{number}')
            if role == 'bridge':
                await _first_call(platform)
            yield platform


async def _first_call(platform: Platform) -> None:
    # DDS may lose the answer to a call made before both ends have found each other.
    for number in range(10):
        command_id = f'warm-call-{number}-{time.time()}'
        ended = platform.expect(command_id, 'succeeded')
        await platform.send('call', command_id)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended, 3.0)
            return
    raise TimeoutError('the service never answered')


async def _goal(platform: Platform, command_id: str) -> float:
    accepted = platform.expect(command_id, 'running')
    ended = platform.expect(command_id, 'succeeded')
    sent = await platform.send('go', command_id, x=1.0, y=2.0)
    took = await asyncio.wait_for(accepted, 30.0) - sent
    await asyncio.wait_for(ended, 30.0)
    return took


async def _goals(platform: Platform) -> list[float]:
    return [await _goal(platform, f'goal-{number}-{time.time()}') for number in range(_GOALS)]


async def _calls(platform: Platform) -> list[float]:
    ends, times = [], []
    begin = time.perf_counter()
    for number in range(int(_CALLS_PER_SECOND * _SECONDS)):
        await asyncio.sleep(max(0.0, begin + number / _CALLS_PER_SECOND - time.perf_counter()))
        command_id = f'call-{number}-{begin}'
        ends.append(platform.expect(command_id, 'succeeded'))
        times.append(await platform.send('call', command_id))
    done = await asyncio.wait_for(asyncio.gather(*ends), 30.0)
    return [end - sent for end, sent in zip(done, times, strict=True)]


@contextlib.contextmanager
def _process(*argv: str) -> Any:
    arguments = [__file__, *argv] if argv == ('server',) else list(argv)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, 'XPARO_SECRET_KEY': 'k', 'XPARO_PROJECT_ID': 'p'},
    )
    try:
        yield process
    finally:
        process.kill()  # Leaving the graph politely takes time and is not measured.
        process.wait()


def robot() -> None:
    """Serve the action and the service until terminated."""
    rclpy.init()
    node = rclpy.create_node('bench_robot')

    def execute(handle: Any) -> NavigateToPose.Result:
        handle.succeed()
        return NavigateToPose.Result()

    def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = True
        return response

    server = ActionServer(node, NavigateToPose, 'navigate_to_pose', execute)
    node.create_service(Trigger, '/bench/trigger', answer)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    finally:
        server.destroy()


def floor(port: int) -> None:
    """Do with the least there is what the bridge does: a socket's commands to goals."""
    rclpy.init()
    node = rclpy.create_node('bench_floor')
    client = ActionClient(node, NavigateToPose, 'navigate_to_pose')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    commands: list[dict[str, Any]] = []

    def send_goals() -> None:
        while commands:
            data = commands.pop(0)
            goal = NavigateToPose.Goal()
            goal.pose.pose.position.x = data['parameters']['x']
            goal.pose.pose.position.y = data['parameters']['y']
            client.send_goal_async(goal).add_done_callback(
                lambda future, data=data: accepted(future, data)
            )

    def accepted(future: Any, data: dict[str, Any]) -> None:
        tell(data, 'running')
        future.result().get_result_async().add_done_callback(
            lambda future: tell(data, 'succeeded')
        )

    def tell(data: dict[str, Any], state: str) -> None:
        frame = json.dumps(
            {
                'type': 'command_status',
                'data': {
                    'command_id': data['command_id'],
                    'command': data['command'],
                    'state': state,
                },
            }
        )
        loop.call_soon_threadsafe(lambda: asyncio.ensure_future(sockets[0].send(frame)))

    guard = node.create_guard_condition(send_goals)
    loop = asyncio.new_event_loop()
    sockets: list[Any] = []

    async def talk() -> None:
        async with connect(f'ws://127.0.0.1:{port}', compression=None) as socket:
            sockets.append(socket)
            async for frame in socket:
                commands.append(json.loads(frame)['data'])
                guard.trigger()

    client.wait_for_server()
    threading.Thread(target=executor.spin, daemon=True).start()
    loop.run_until_complete(talk())
    os._exit(0)


if __name__ == '__main__':
    if sys.argv[1:] == ['server']:
        robot()
    elif sys.argv[1:2] == ['floor']:
        floor(int(sys.argv[2]))
    else:
        show(run())
