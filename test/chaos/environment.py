# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The house whose link is broken: platform, bridge, a robot that talks, and commands all the time.

Each is a program of its own; `accounting.py` keeps the books of what must arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
import contextlib
from pathlib import Path
import random
import re
import sys
import tempfile
import time
from typing import Any

from fixtures.processes import Process
from fixtures.system import LINK, PROJECT_ID, SECRET_KEY, start_bridge, start_platform
from websockets.exceptions import WebSocketException

from chaos.accounting import Ledger, Verdict
from xparo_bridge.local.platform_client import OperatorClient, OperatorError
from xparo_bridge.scenarios.fault_proxy import fault_proxy, FaultProxy

ROBOT = Path(__file__).with_name('robot.py')
TIMEOUT = 60.0
# How long a command may go unanswered before it is sent again, s.
ANSWER_TIMEOUT = 3.0
_COMMAND_PERIOD = 0.1
_REFUSED = re.compile(r'chat not sent: "said (\d+)"')
_TREE = (
    '<root BTCPP_format="4" main_tree_to_execute="t"><BehaviorTree ID="t"><AlwaysSuccess/>'
    '</BehaviorTree></root>'
)
COMMANDS = {
    # Some progress, and the newer one ends the one before.
    'note': {
        'kind': 'publish',
        'topic': '/done',
        'type': 'std_msgs/msg/String',
        'times': 3,
        'rate': 5.0,
        'message': {'data': '$id'},
        'parameters': {'id': {'type': 'string', 'required': True}},
    },
    'work': {
        'kind': 'service',
        'service': '/work',
        'type': 'std_srvs/srv/Trigger',
        'timeout': 5.0,
    },
}


class House:
    """Platform, bridge and robot, what is sent to them, and the books."""

    def __init__(self, folder: Path, host: str = '127.0.0.1', wrap: Sequence[str] = ()) -> None:
        """Take where the platform listens, and what the robot's commands begin with."""
        self._folder = folder
        self._host = host
        self._wrap = wrap
        self._ledger = Ledger(folder / 'record.jsonl')
        self._commands: dict[str, tuple[str, dict[str, Any]]] = {}
        self._operator: OperatorClient | None = None
        self._sending: asyncio.Task[None] | None = None
        self.platform_port = 0
        self.bridge_port = 0
        self._platform: Process | None = None
        self._bridge: Process | None = None
        self._robot: Process | None = None

    async def start(self, bridge_port: int) -> None:
        """Start bridge and robot beside a platform, and talk; the bridge dials that port."""
        self.bridge_port = bridge_port
        self._robot = Process([*self._wrap, sys.executable, str(ROBOT)])
        await self.start_bridge()
        self._sending = asyncio.ensure_future(self._send_commands())
        await self.talks()
        self._ledger.recoveries.clear()

    async def start_platform(self) -> None:
        """Start the platform, at the port it had."""
        self._platform, self.platform_port = await asyncio.to_thread(
            start_platform,
            self.platform_port,
            '--host',
            self._host,
            '--record',
            str(self._folder / 'record.jsonl'),
        )

    async def start_bridge(self) -> None:
        """Start the bridge."""
        link = {
            **LINK,
            'url': f'ws://{self._host}:{self.bridge_port}/ws/chatbot',
            'allow_insecure': True,
            'open_timeout': 1.0,
            'heartbeat': {'interval': 0.3, 'timeout': 0.5},
        }
        self._bridge = await asyncio.to_thread(
            start_bridge,
            self._folder,
            0,
            {'links': [link], 'commands': COMMANDS},
            wrap=self._wrap,
        )

    def kill_bridge(self) -> None:
        """Kill the bridge, and see what it leaves."""
        assert self._bridge is not None
        at = time.monotonic()
        self._bridge.kill()
        self._bridge.stop()
        self._ledger.life_ends(
            self._folder / 'state' / 'state.sqlite', self._said(), self._refused(), at
        )

    def kill_platform(self) -> None:
        """Kill the platform."""
        assert self._platform is not None
        self._platform.kill()
        self._platform.stop()

    async def stop(self) -> None:
        """End all."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._operator is not None:
            await self._operator.close()
        for process in (self._robot, self._bridge, self._platform):
            if process is not None:
                process.stop()

    async def talks(self) -> None:
        """Wait until chat said from now on arrives, and note how long that took."""
        began = time.monotonic()
        newest = max(self._said(), default=0)
        await self._until(lambda: self._ledger.newest_chat > newest, 'nothing arrives any more')
        self._ledger.recoveries.append(time.monotonic() - began)

    async def no_more_commands(self) -> None:
        """Send no more commands."""
        assert self._sending is not None
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    async def finish(self) -> Verdict:
        """Let the rest arrive, and judge."""
        await self.no_more_commands()
        said = max(self._said())
        with contextlib.suppress(AssertionError):  # The verdict says what is missing.
            await self._until(
                lambda: self._ledger.all_arrived(said, self._refused()), 'not all arrived'
            )
            await self._until(lambda: not self._ledger.unended, 'commands without an end')
            await self._answer_all()
        for command, times in self._did().items():
            assert times <= COMMANDS['note']['times'], f'{command} ran more than once'
        return self._ledger.verdict(set(self._commands))

    def _said(self) -> dict[int, float]:
        assert self._robot is not None
        return {
            int(number): float(at)
            for what, number, at in (
                line.split() for line in list(self._robot.lines) if line.startswith('said ')
            )
        }

    def _refused(self) -> set[int]:
        assert self._bridge is not None
        return {int(line[1]) for line in map(_REFUSED.search, list(self._bridge.lines)) if line}

    def _did(self) -> dict[str, int]:
        assert self._robot is not None
        done = [line.removeprefix('did ') for line in self._robot.lines if line.startswith('did ')]
        return {command: done.count(command) for command in set(done)}

    async def _send_commands(self) -> None:
        """Send commands and trees as a platform does that is sometimes not there."""
        while True:
            try:
                number = len(self._commands)
                if number % 30 == 0:
                    await self._request('push_tree', name=f'tree{number % 3}', xml=_TREE)
                command_id = f'c{number}'
                name = random.choice(list(COMMANDS))
                parameters = {'id': command_id} if name == 'note' else {}
                await self._request(
                    'send', command=name, parameters=parameters, command_id=command_id
                )
                self._commands[command_id] = name, parameters
            except (OSError, OperatorError, WebSocketException):
                pass  # No platform, or no robot there.
            await asyncio.sleep(_COMMAND_PERIOD)

    async def _request(self, verb: str, **keys: Any) -> None:
        if self._operator is None:
            self._operator = await OperatorClient.connect(
                self._host, self.platform_port, SECRET_KEY, PROJECT_ID
            )
        try:
            await self._operator.request(verb, **keys)
        except OperatorError as error:
            if 'closed' in str(error):
                operator, self._operator = self._operator, None
                await operator.close()
            raise

    async def _answer_all(self) -> None:
        """Send again what found no answer: it died in a socket."""
        end = time.monotonic() + TIMEOUT
        while open_ := self._commands.keys() - self._ledger.ends.keys():
            assert time.monotonic() < end, 'commands without an end'
            for command_id in open_:
                name, parameters = self._commands[command_id]
                self._ledger.asked_again.add(command_id)
                with contextlib.suppress(OSError, OperatorError, WebSocketException):
                    await self._request(
                        'send', command=name, parameters=parameters, command_id=command_id
                    )
            again = time.monotonic() + ANSWER_TIMEOUT
            while time.monotonic() < again and open_ - self._ledger.ends.keys():
                self._ledger.read()
                await asyncio.sleep(0.02)

    async def _until(self, holds: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + TIMEOUT
        while True:
            self._ledger.read()
            if holds():
                return
            if time.monotonic() > end:
                assert self._bridge is not None
                raise AssertionError(
                    '\n'.join([f'{problem}; the bridge printed:', *self._bridge.lines[-20:]])
                )
            await asyncio.sleep(0.01)


Story = Callable[[House, FaultProxy, int], Awaitable[None]]


async def play(*stories: tuple[Story, int]) -> Verdict:
    """Play stories, each so many times, with a bad network between bridge and platform."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            await house.start_platform()
            async with fault_proxy(house.platform_port) as proxy:
                await house.start(proxy.port)
                for story, times in stories:
                    await story(house, proxy, times)
                return await house.finish()
        finally:
            await house.stop()


def run(story: Story, times: int, seed: int) -> str:
    """Play a story and tell the verdict; AssertionError if it is not good."""
    random.seed(seed)
    verdict = asyncio.run(play((story, times)))
    assert verdict.good, str(verdict)
    return str(verdict)


def progress(number: int, count: int) -> None:
    """Print now and then how far a story is."""
    if number and number % 25 == 0:
        print(f'  {number} of {count}', flush=True)
