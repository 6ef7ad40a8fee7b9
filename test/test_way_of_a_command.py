# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the way of a remote command through the files the one that docs/architecture.md draws."""

from __future__ import annotations

import asyncio
from functools import cache
import json
from pathlib import Path
import re
import threading
from types import FrameType
from typing import Any

from fixtures.in_process import bridge_in_process
from fixtures.peers import websocket_server
from fixtures.system import CREDENTIALS, start_failing_server

import xparo_bridge
from xparo_bridge.messages import RemoteCommand

PACKAGE = Path(xparo_bridge.__file__).parent
PAGE = PACKAGE.parent / 'docs' / 'architecture.md'
COMMAND = {'command': 'go', 'parameters': {'x': 1.0, 'y': 2.0}, 'command_id': 'the one'}
TIMEOUT = 60.0


class Tracer:
    """Which files of the bridge a command goes through, and which are entered meanwhile."""

    def __init__(self) -> None:
        self.way: list[str] = []
        self.entered: set[str] = set()
        self._following = threading.local()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Take note of a call, as sys.setprofile has it."""
        file = place(frame)
        if file is None or event not in ('call', 'return'):
            return
        name = frame.f_code.co_name
        if (file, name) in (
            ('link/protocols/xparo.py', 'decode'),
            ('crossing.py', 'deliver'),
            ('robot/commands/router.py', 'execute'),
        ):
            self._following.on = event == 'call' and is_ours(frame)
        if getattr(self._following, 'on', False) and event == 'call':
            self.entered.add(file)
            if name == 'deliver':
                self.entered.update(files_on_stack(frame))
            if (file, name) in (
                ('link/protocols/xparo.py', 'decode'),
                ('ros/action_goal.py', '_send'),
            ):
                self._add_stack(frame)

    def _add_stack(self, frame: FrameType | None) -> None:
        for file in files_on_stack(frame):
            if file not in self.way:
                self.way.append(file)


def files_on_stack(frame: FrameType | None) -> list[str]:
    """Files of the bridge on the stack of a call, the outermost first."""
    stack = []
    while frame is not None:
        stack.append(place(frame))
        frame = frame.f_back
    return [file for file in reversed(stack) if file is not None]


def is_ours(frame: FrameType) -> bool:
    """Whether a call was given the command that is followed."""
    return any(
        COMMAND['command_id'] in str(value)
        for value in frame.f_locals.values()
        if isinstance(value, (str, bytes, RemoteCommand))
    )


def place(frame: FrameType) -> str | None:
    """File of a call below the package; None for one of somebody else's."""
    return below_package(frame.f_code.co_filename)


@cache  # It is asked at each call of any thread, which would take ten times as long.
def below_package(name: str) -> str | None:
    file = Path(name)
    return file.relative_to(PACKAGE).as_posix() if file.is_relative_to(PACKAGE) else None


def drawn() -> tuple[list[str], set[str]]:
    """The way on the page, and the files that are asked on it."""
    section = PAGE.read_text().split('## The way of a remote command')[1].split('\n## ')[0]
    rows = re.findall(r'^\| \d+ \| `([^`]+)` \|.*?\|(.*)\|$', section, re.M)
    asked = {file for _, cell in rows for file in re.findall(r'`([^`]+\.py)`', cell)}
    return [file for file, _ in rows], asked


def test_a_command_goes_through_the_files_that_the_page_draws(tmp_path, monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    tracer = Tracer()
    over = asyncio.Event()
    ready = asyncio.Event()

    async def platform(socket: Any) -> None:
        await ready.wait()
        await socket.send(json.dumps({'type': 'remote_command', 'data': COMMAND}))
        async for frame in socket:
            if '"running"' in frame and COMMAND['command_id'] in frame:
                over.set()

    async def scenario() -> None:
        async with websocket_server(platform) as port:
            link = {'name': 'platform', 'protocol': 'xparo', 'url': f'ws://127.0.0.1:{port}/ws'}
            configuration = {
                'links': [link],
                'telemetry': {'groups': {}},
                'commands': {'go': {'kind': 'navigate', 'server_timeout': 20.0}},
            }
            threading.setprofile(tracer)
            try:
                with bridge_in_process(tmp_path, configuration) as (bridge, _):
                    async with asyncio.timeout(TIMEOUT):
                        # Else the goal is sent later, from a timer, and not on the command's way.
                        clients = bridge.router.kinds['go']._clients
                        client = next(
                            client
                            for action, client in clients.items()
                            if action.endswith('navigate_to_pose')
                        )
                        while not client.server_is_ready():
                            await asyncio.sleep(0.02)
                        ready.set()
                        await over.wait()
            finally:
                threading.setprofile(None)

    with start_failing_server('hang'):
        asyncio.run(scenario())
    way, asked = drawn()
    assert [file for file in tracer.way if file in way] == way
    # Besides, the event loop of the links and the executor with its walls call whatever is called.
    others = set(tracer.way) - set(way) - asked
    assert not [file for file in others if file.startswith(('link/protocols/', 'robot/'))]
    assert asked <= tracer.entered
    # Of the room of commands nothing is left out.
    room = {file for file in tracer.entered if file.startswith('robot/commands/')}
    assert room - set(way) <= asked
