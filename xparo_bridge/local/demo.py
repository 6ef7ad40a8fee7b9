# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `demo`: platform, simulated robot and bridge on this machine, and a mission."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
import contextlib
import importlib.util
import os
from pathlib import Path
import shutil
import signal
import sys
import tempfile
import time
from typing import Any

from ..argument_types import Parser, port, positive
from ..closed_output import ends_with_its_reader
from ..share import share
from .children import cancel_on_signals, Child
from .demo_ros import ask_platform, fail_next_goal, RosFailed
from .free_ports import free_domain, is_free
from .platform_client import Event, OperatorClient
from .platform_frames import TERMINAL_STATES
from .platform_server import ROBOT_PATH
from .tree_view import TreeView

DESCRIPTION = """\
Starts a local platform, a simulated robot and the bridge between them, plays a short mission and
then stays up for your own commands until Ctrl-C."""

CONFIG = ('bridge.yaml', 'commands.yaml', 'places.yaml', 'demo.yaml')
TREE = 'delivery_round.xml'
DEFAULT_PORT = 8765
CONSOLE_PORT = 8766
TAIL = 25

Step = Callable[[], Awaitable[str]]


class StepFailed(Exception):
    """A step of the mission did not come about; whose log says more."""

    def __init__(self, problem: str, child: Child | None = None) -> None:
        super().__init__(problem)
        self.child = child


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Play the mission; exit code 0, 1 if a step failed, 130 or 143 if it was ended before."""
    parser = Parser('demo', description=DESCRIPTION)
    parser.add_argument('--once', action='store_true', help='end after the mission')
    parser.add_argument(
        '--speed',
        type=positive,
        default=2.5,
        metavar='FACTOR',
        help='how much faster than a real one the robot drives [%(default)g]',
    )
    parser.add_argument(
        '--port',
        type=port,
        default=0,
        help=f'TCP port of the platform [{DEFAULT_PORT} if it is free, else any]',
    )
    options = parser.parse_args(argv)
    ended_by: list[signal.Signals] = []
    try:
        return asyncio.run(_run(options, ended_by))
    except asyncio.CancelledError:
        return 128 + ended_by[0]


async def _run(options: argparse.Namespace, ended_by: list[signal.Signals]) -> int:
    cancel_on_signals(ended_by)
    played = False
    async with contextlib.AsyncExitStack() as stack:
        demo = Demo(stack, options.speed, options.port, with_console=not options.once)
        try:
            await demo.play()
            played = True
            if not options.once:
                print(demo.invitation, flush=True)
                await demo.watch_children()
        except StepFailed as error:
            print(f'\ndemo: FAILED: {error}', file=sys.stderr)
            if error.child is not None:
                print(f'the end of what {error.child.name} said:', file=sys.stderr)
                for line in list(error.child.lines)[-TAIL:]:
                    print(f'  {line}', file=sys.stderr)
            return 1
        except asyncio.CancelledError:
            print('\ndemo: ending', flush=True)
            if not played:
                raise
    return 0


class Demo:
    """The three programs and the steps of the mission."""

    def __init__(
        self,
        stack: contextlib.AsyncExitStack,
        speed: float,
        port: int = 0,
        *,
        with_console: bool = False,
    ) -> None:
        """Take the stack that ends children and connections, and the port, 0 for the usual."""
        self._given_port = port
        self._with_console = with_console and importlib.util.find_spec('nicegui') is not None
        self._console_url = ''
        self._stack = stack
        self._speed = speed
        self._began = time.monotonic()
        self._children: list[Child] = []
        # For the children and for the node that this process is while it chats. On this machine
        # only, and apart from any other graph on it.
        for name, value in (
            ('XPARO_SECRET_KEY', 'demo'),
            ('XPARO_PROJECT_ID', 'demo'),
            ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'),
            ('ROS_DOMAIN_ID', str(free_domain())),
        ):
            os.environ.setdefault(name, value)
        self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='xparo_demo_'))
        self._port = 0
        self._operator: OperatorClient
        self._platform: Child
        self._robot: Child
        self._bridge: Child

    async def play(self) -> None:
        """All steps, each with a line; StepFailed says which did not come about."""
        await self._step('the platform listens', 15.0, self._start_platform)
        if self._with_console:
            self._stack.push_async_callback(_cancel, asyncio.ensure_future(self._open_console()))
        self._robot = await self._start(
            'simulated_robot', '--ros-args', '-p', f'speed:={self._speed}'
        )
        self._bridge = await self._start(
            'bridge', '--ros-args', '-p', f'config:=[{",".join(self._config())}]'
        )
        await self._step('the robot is connected', 30.0, self._see_connection, self._bridge)
        await self._step('telemetry arrives', 20.0, self._see_telemetry, self._bridge)
        await self._step('the robot drives to table_4', 90.0, self._drive, self._bridge)
        await self._step('a chat is answered', 30.0, self._chat, self._bridge)
        await self._step('a second goal is cancelled on the way', 60.0, self._cancel, self._bridge)
        await self._step(
            'a pushed tree makes a delivery round', 120.0, self._deliver, self._bridge
        )
        self._print('mission complete')

    @property
    def invitation(self) -> str:
        """How to go on by hand."""
        run = (
            'ros2 run xparo_bridge'
            if shutil.which('ros2')
            else f'{_shortest(sys.executable)} -m xparo_bridge'
        )
        port = '' if self._port == DEFAULT_PORT else f' --port {self._port}'
        graph = ' '.join(
            f'{name}={os.environ[name]}'
            for name in ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE')
        )
        console = f'In a browser: {self._console_url}\n' if self._console_url else ''
        return (
            f'\nNow it is yours, until Ctrl-C. {console}In another terminal:\n'
            f'  {run} local_platform send start_navigation --goal kitchen --wait{port}\n'
            f'  {run} local_platform chat "Good evening"{port}\n'
            f'  {run} local_platform watch{port}\n'
            f'The robot is in the ROS graph of {graph}'
        )

    async def watch_children(self) -> None:
        """Wait for the first child to end, which none should: StepFailed."""
        waiting = {asyncio.ensure_future(child.wait()): child for child in self._children}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ended = done.pop()
            child = waiting[ended]
            raise StepFailed(f'{child.name} ended with exit code {ended.result()}', child)
        finally:
            for task in waiting:
                task.cancel()

    async def _step(
        self, name: str, timeout: float, step: Step, child: Child | None = None
    ) -> None:
        playing = asyncio.ensure_future(step())
        watching = asyncio.ensure_future(self.watch_children()) if self._children else None
        tasks = {playing} if watching is None else {playing, watching}
        try:
            await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                said = playing.result()
            elif watching is not None and watching.done():
                watching.result()
            else:
                raise StepFailed(f'not within {timeout:g} s', child)
        except (StepFailed, RosFailed, OSError, RuntimeError) as error:
            said_by = getattr(error, 'child', None) or child
            raise StepFailed(f'"{name}": {error}', said_by) from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._print(f'{name}{": " if said else ""}{said}')

    def _print(self, text: str) -> None:
        print(f'[{time.monotonic() - self._began:5.1f} s] {text}', flush=True)

    async def _start(self, executable: str, *arguments: str) -> Child:
        child = await Child.start(
            executable, [sys.executable, '-m', 'xparo_bridge', executable, *arguments]
        )
        self._stack.push_async_callback(child.stop)
        self._children.append(child)
        return child

    def _config(self) -> list[str]:
        """Configuration files of the bridge, the last one of this run: its platform and state."""
        folder = self._folder
        path = Path(folder) / 'links.yaml'
        path.write_text(
            f'state_dir: {folder}/state\n'
            'links:\n'
            '  - {name: platform, protocol: xparo, '
            f'url: "ws://127.0.0.1:{self._port}{ROBOT_PATH}"}}\n'
        )
        return [*CONFIG, str(path)]

    async def _open_console(self) -> None:
        """Start the console and say its address; the mission neither waits for it nor needs it."""
        port = CONSOLE_PORT if is_free(CONSOLE_PORT) else 0
        child = await Child.start(
            'console',
            [
                *(sys.executable, '-m', 'xparo_bridge', 'console'),
                *('--port', str(port), '--platform', f'127.0.0.1:{self._port}'),
            ],
        )
        self._stack.push_async_callback(child.stop)
        address = await child.wait_for_line(r'console on (\S+)')
        self._console_url = address[1]
        self._print(f'the console is on {address[1]}')

    # --- the steps; what they return is printed ---

    async def _start_platform(self) -> str:
        self._platform = await self._start(
            'local_platform',
            '--port',
            str(self._given_port or (DEFAULT_PORT if is_free(DEFAULT_PORT) else 0)),
            *('--data', str(Path(self._folder) / 'platform')),
        )
        match = await self._platform.wait_for_line(r'listening on (ws://127\.0\.0\.1:(\d+)\S*)')
        self._port = int(match[2])
        self._operator = await self._stack.enter_async_context(
            await OperatorClient.connect(
                port=self._port,
                secret_key=os.environ['XPARO_SECRET_KEY'],
                project_id=os.environ['XPARO_PROJECT_ID'],
                since=0,
            )
        )
        return match[1]

    async def _see_connection(self) -> str:
        info = await self._next(lambda event: event.get('type') == 'robot_info')
        return str(info['data']['robot_id'])

    async def _see_telemetry(self) -> str:
        values: dict[str, Any] = {}
        async for event in self._operator.events():
            if event.get('type') == 'telemetry':
                values.update(event['data'])
            if {'cpu_usage', 'battery_percentage', 'pose'} <= values.keys():
                break
        pose = values['pose']
        return (
            f'cpu {values["cpu_usage"]:.0f}%, battery {values["battery_percentage"]:.0f}%, '
            f'pose x {pose["x"]:.2f} y {pose["y"]:.2f}'
        )

    async def _drive(self) -> str:
        command_id = await self._operator.send_command('start_navigation', {'goal': 'table_4'})
        self._print(f'remote_command start_navigation {{"goal": "table_4"}} sent as {command_id}')
        distances: list[float] = []
        async for status in self._statuses(command_id):
            distance = (status.get('progress') or {}).get('distance_remaining')
            if distance is not None and (not distances or distance < distances[-1] - 1.0):
                distances.append(distance)
                self._print(f'    {distance:.1f} m to go')
            if status['state'] == 'succeeded':
                break
            _refuse_end(status)
        if len(distances) < 2:
            raise StepFailed('the distance did not count down', self._bridge)
        return 'arrived'

    async def _chat(self) -> str:
        question = 'Where are you?'
        reply = await asyncio.to_thread(ask_platform, question)
        return f'"{question}" "{reply}"'

    async def _cancel(self) -> str:
        command_id = await self._operator.send_command('start_navigation', {'goal': 'kitchen'})
        async for status in self._statuses(command_id):
            if (status.get('progress') or {}).get('distance_remaining', 0.0) > 0.0:
                break
            _refuse_end(status)
        await self._operator.send_command('cancel', {'command_id': command_id})
        status = await self._operator.wait_for_status(command_id, timeout=30.0)
        if status['state'] != 'canceled':
            raise StepFailed(f'it ended {status["state"]}', self._bridge)
        return 'canceled'

    async def _deliver(self) -> str:
        await asyncio.to_thread(fail_next_goal)
        self._print('the next goal of the robot will fail; behavior_update sent')
        since = self._operator.seq
        await self._operator.request(
            'push_tree', name='delivery', xml=share('config', 'trees', TREE).read_text()
        )
        view = TreeView()
        async for event in self._operator.events(since):
            data = event['data'] if event.get('type') == 'behavior_status' else {}
            if data.get('tree_name') != 'delivery':
                continue
            for line in view.update(data):
                self._print(f'    {line}')
            if data['state'] not in ('running', 'paused', 'stopping'):
                break
        else:
            raise StepFailed('the platform is gone', self._platform)
        if data['state'] != 'succeeded':
            raise StepFailed(f'it {data["state"]}: {data.get("errors")}', self._bridge)
        return 'succeeded, by way of its fallback'

    async def _next(self, predicate: Callable[[Event], Any]) -> Event:
        async for event in self._operator.events():
            if predicate(event):
                return event
        raise StepFailed('the platform is gone', self._platform)

    async def _statuses(self, command_id: str) -> Any:
        async for event in self._operator.events():
            if event.get('type') == 'command_status' and event['data']['command_id'] == command_id:
                yield event['data']
        raise StepFailed('the platform is gone', self._platform)


def _refuse_end(status: dict[str, Any]) -> None:
    if status['state'] in TERMINAL_STATES:
        raise StepFailed(f'the command ended {status["state"]}: {status.get("error")}')


async def _cancel(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _shortest(path: str) -> str:
    """Path from here, where that is shorter."""
    return min(path, os.path.relpath(path), key=len)


if __name__ == '__main__':
    sys.exit(main())
