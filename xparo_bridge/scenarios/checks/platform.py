# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of what the platform heard: telemetry that keeps coming, and how commands ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...local.platform_frames import COMMAND_STATES, TERMINAL_STATES
from ..document import Part
from ..given import Context
from ..quantities import DURATION
from ..stage import Stage
from .base import Check

# What a machine may add to a period, s of real time.
_JITTER = 0.5
# How long a bridge that has just begun may take to find what it reads, s of the wall's time.
_DISCOVERY = 2.0
# How long the end of a command may be on its way, s of real time.
_ANSWER = 2.0


@dataclass(kw_only=True)
class KeepsReporting(Check):
    """`telemetry: {keys: [pose], every: 2 s}`: while connected, no longer without one of them."""

    name: ClassVar[str] = 'telemetry'
    robot: str
    keys: list[str]
    every: float

    @classmethod
    def read(cls, part: Part, context: Context) -> KeepsReporting:
        part.map(('keys', 'every', 'robot'), required=('keys', 'every'))
        return cls(
            robot=context.robot(part),
            keys=[entry.text() for entry in part['keys'].list()],
            every=part['every'].quantity(DURATION),
        )

    async def settle(self, stage: Stage) -> None:
        """Wait for the first of each, if all was over before a bridge had found what it reads."""

        def began() -> bool | None:
            received = [
                event.data['data'] for event in stage.timeline.received('telemetry', self.robot)
            ]
            return all(any(key in data for data in received) for key in self.keys) or None

        allowed = self.every + (_JITTER + _DISCOVERY) * stage.world.factor
        await stage.timeline.until(began, allowed)

    def problem(self, stage: Stage) -> str:
        timeline = stage.timeline
        allowed = self.every + _JITTER * stage.world.factor
        spans = timeline.connections(self.robot)
        for key in self.keys:
            received = [
                event.at
                for event in timeline.received('telemetry', self.robot)
                if key in event.data['data']
            ]
            if not received:
                return f'{key} never came'
            for begin, end in spans:
                inside = [at for at in received if begin <= at <= end]
                for before, after in zip([begin, *inside], [*inside, end], strict=True):
                    if after <= 0.0:  # before the first step
                        continue
                    gap = after - before
                    found_at = _DISCOVERY * stage.world.factor if before == begin else 0.0
                    if gap > allowed + found_at:
                        return f'{key} did not come for {gap:.1f} s, from {before:.1f} s on'
        return ''


@dataclass(kw_only=True)
class EndsAs(Check):
    """`status: {of: go, is: succeeded}`: the one end of a command."""

    name: ClassVar[str] = 'status'
    of: str
    state: str

    @classmethod
    def read(cls, part: Part, context: Context) -> EndsAs:
        part.map(('of', 'is'), required=('of', 'is'))
        return cls(of=part['of'].text(), state=part['is'].one_of(COMMAND_STATES))

    def problem(self, stage: Stage) -> str:
        sent = stage.named(self.of)
        states = [status['state'] for status in stage.timeline.statuses(sent.id)]
        if not states:
            return f'{sent.name} was never answered'
        return '' if states[-1] == self.state else f'{sent.name} is {states[-1]}'


@dataclass(kw_only=True)
class EveryCommandEnds(Check):
    """`every_command_ends: true`: each with exactly one end, and none is left without."""

    name: ClassVar[str] = 'every_command_ends'

    @classmethod
    def read(cls, part: Part, context: Context) -> EveryCommandEnds:
        if not part.boolean():
            part.refuse('expected true, or no such entry')
        return cls()

    async def settle(self, stage: Stage) -> None:
        await stage.timeline.until(
            lambda: None if self.problem(stage) else True, _ANSWER * stage.world.factor
        )

    def problem(self, stage: Stage) -> str:
        for sent in {sent.id: sent for sent in stage.sent.values()}.values():
            states = {status['state'] for status in stage.timeline.statuses(sent.id)}
            if not states & TERMINAL_STATES:
                return f'{sent.id} has no end'
        return ''


CHECKS = (KeepsReporting, EndsAs, EveryCommandEnds)


def always(stage: Stage) -> str:
    """Return what may be in no run: a command with two ends, a frame that the platform refused."""
    for sent in {sent.id: sent for sent in stage.sent.values()}.values():
        ends = {status['state'] for status in stage.timeline.statuses(sent.id)} & TERMINAL_STATES
        if len(ends) > 1:
            return f'{sent.id} ended more than once: {", ".join(sorted(ends))}'
    for event in stage.timeline.of('error'):
        broken = any('link' in f.data['text'] for f in stage.timeline.of('fault', event.robot))
        if broken and 'pings are not answered' in event.data['problem']:
            continue  # That is how the platform notices a cable that was pulled.
        return f'the platform refused a frame of {event.robot}: {event.data["problem"]}'
    return ''
