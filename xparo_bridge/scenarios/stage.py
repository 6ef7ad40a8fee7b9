# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a step has to do with: world, platform, links, bridges, and the timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from . import processes
from .bridge_process import BridgeProcess
from .failures import Failed
from .fault_proxy import FaultProxy
from .given import Given
from .platform_process import PlatformProcess
from .program import Program
from .ros_side import RosSide
from .timeline import Timeline
from .worlds.base import World


@dataclass(frozen=True)
class Sent:
    """A command, or a tree, that the operator sent."""

    id: str
    name: str
    robot: str
    at: float


class Stage:
    """All parts of a run, and what was sent so far."""

    def __init__(self, given: Given, world: World, timeline: Timeline) -> None:
        self.given = given
        self.world = world
        self.timeline = timeline
        self.platform: PlatformProcess
        self.ros: RosSide
        self.links: dict[str, FaultProxy] = {}
        self.bridges: dict[str, BridgeProcess] = {}
        self.programs: dict[str, Program] = {}
        self.sent: dict[str, Sent] = {}
        self.last_sent: Sent | None = None
        self.trees: dict[str, Sent] = {}
        # The processes of the run and all below them, as they were when it began to end.
        self.family: list[psutil.Process] = []
        # When the last step began that did something, s: what it leads to comes since.
        self.acted_at = 0.0
        self._background: set[asyncio.Task[None]] = set()

    async def send(
        self, name: str, command: str, parameters: Mapping[str, Any], robot: str
    ) -> Sent:
        """Send a command by the platform, and remember it under a name."""
        number = len(self.sent) + 1
        at = self.timeline.now
        command_id = await self.platform.request(
            'send',
            robot=robot,
            command=command,
            parameters=dict(parameters),
            command_id=f'c{number}-{command}',
        )
        sent = Sent(command_id['command_id'], command, robot, at)
        self.sent[name or sent.id] = self.sent[sent.id] = sent
        self.last_sent = sent
        return sent

    def named(self, name: str) -> Sent:
        """Return what was sent under a name, or the command of that name that was sent last."""
        if name in self.sent:
            return self.sent[name]
        for sent in reversed(self.sent.values()):
            if sent.name == name:
                return sent
        raise Failed(f'nothing was sent as "{name}"')

    def fault(
        self, text: str, robot: str, seconds: float | None, mend: Callable[[], Awaitable[None]]
    ) -> None:
        """Note that something was broken, and mend it after so many s, or never."""
        self.timeline.add('fault', robot, text=text, seconds=seconds)
        if seconds is None:
            return

        async def later() -> None:
            await self.timeline.sleep(seconds)
            await mend()
            self.timeline.add('fault_end', robot, text=text)

        self.beside(later())

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside the steps, until the run ends."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def end(self) -> None:
        """End what goes on beside the steps, and see which processes there are to be ended."""
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        own: list[BridgeProcess | Program] = [*self.bridges.values(), *self.programs.values()]
        children = [*self.world.children, *(part.child for part in own)]
        pids = [child.pid for child in children if child is not None]
        self.family = await asyncio.to_thread(processes.family, pids)
