# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Expectations about what the platform has from a robot: statuses, trees, chat, telemetry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import re
from typing import Any, ClassVar

from ...local.platform_frames import COMMAND_STATES, TERMINAL_STATES
from ..document import Part
from ..failures import Failed
from ..given import Context
from ..matching import differs
from ..stage import Sent, Stage
from .expectation import Expectation, pattern

_TREE_ENDS = ('succeeded', 'failed', 'halted', 'rejected', 'stopped', 'canceled')


@dataclass(kw_only=True)
class Status(Expectation):
    """A command has had a state; one that ended otherwise fails it at once."""

    key: ClassVar[str] = 'status'
    robot_is_optional: ClassVar[bool] = True
    others: ClassVar[Sequence[str]] = ('of', 'error', 'result')
    state: str
    of: str = ''
    error: str = ''
    result: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {
            'state': part['status'].one_of(COMMAND_STATES),
            'of': part['of'].text() if 'of' in part else '',
            'error': part['error'].text() if 'error' in part else '',
            'result': part['result'].map().value if 'result' in part else {},
        }

    def _sent(self, stage: Stage) -> Sent:
        sent = stage.named(self.of) if self.of else stage.last_sent
        if sent is None:
            raise Failed('nothing was sent yet whose status could be expected')
        return sent

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        sent = self._sent(stage)

        def look() -> bool | None:
            statuses = stage.timeline.statuses(sent.id)
            for status in statuses:
                if status['state'] == self.state and not self._otherwise(status):
                    return True
            ended = [status for status in statuses if status['state'] in TERMINAL_STATES]
            return False if ended else None

        return look

    def _otherwise(self, status: dict[str, Any]) -> str:
        error = status.get('error') or {}
        if self.error and error.get('code') != self.error:
            return f'its error is {error.get("code")}, not {self.error}'
        return differs(status.get('result') or {}, self.result, 'result')

    def missed(self, stage: Stage) -> str:
        sent = self._sent(stage)
        statuses = stage.timeline.statuses(sent.id)
        if not statuses:
            return f'{sent.name} was not answered within {self.within:g} s'
        last = statuses[-1]
        error = last.get('error') or {}
        words = f': {error.get("code")}: {error.get("message")}' if error else ''
        if last['state'] == self.state and (problem := self._otherwise(last)):
            return f'{sent.name} is {self.state}, but {problem}{words}'
        if last['state'] in TERMINAL_STATES:
            return f'{sent.name} ended {last["state"]}{words}, not {self.state}'
        progress = last.get('progress') or {}
        left = progress.get('distance_remaining')
        far = f', {left:.1f} m to go' if isinstance(left, (int, float)) else ''
        return f'{sent.name} is {last["state"]} after {self.within:g} s{far}, not {self.state}'


@dataclass(kw_only=True)
class Tree(Expectation):
    """A tree that was pushed is in a state."""

    key: ClassVar[str] = 'tree'
    others: ClassVar[Sequence[str]] = ('state',)
    title: str
    state: str

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        part.map(required=('state',))
        return {'title': part['tree'].text(), 'state': part['state'].text()}

    def _states(self, stage: Stage) -> list[dict[str, Any]]:
        pushed = stage.trees.get(self.title)
        since = pushed.at if pushed else 0.0
        return [
            event.data['data']
            for event in stage.timeline.received('behavior_status', self.robot)
            if event.data['data']['tree_name'] == self.title and event.at >= since
        ]

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        def look() -> bool | None:
            states = [status['state'] for status in self._states(stage)]
            if self.state in states:
                return True
            return False if states and states[-1] in _TREE_ENDS else None

        return look

    def missed(self, stage: Stage) -> str:
        states = self._states(stage)
        if not states:
            return f'the robot said nothing of the tree {self.title}'
        errors = '; '.join(
            str(error.get('message', error)) for error in states[-1].get('errors', ())
        )
        return f'the tree {self.title} is {states[-1]["state"]}, not {self.state}' + (
            f': {errors}' if errors else ''
        )


@dataclass(kw_only=True)
class Said(Expectation):
    """The robot says something in the chat."""

    key: ClassVar[str] = 'chat'
    words: str

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'words': pattern(part['chat'])}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        since = stage.acted_at

        def look() -> bool | None:
            return (
                any(
                    event.at >= since and re.search(self.words, event.data['data']['message'])
                    for event in stage.timeline.received('chat', self.robot)
                )
                or None
            )

        return look

    def missed(self, stage: Stage) -> str:
        return f'the robot did not say {self.words!r}'


@dataclass(kw_only=True)
class Telemetry(Expectation):
    """The latest telemetry is as expected."""

    key: ClassVar[str] = 'telemetry'
    values: dict[str, Any]

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'values': part['telemetry'].map().value}

    def _problem(self, stage: Stage) -> str:
        latest: dict[str, Any] = {}
        for event in stage.timeline.received('telemetry', self.robot):
            latest |= event.data['data']
        return differs(latest, self.values)

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        return lambda: not self._problem(stage) or None

    def missed(self, stage: Stage) -> str:
        return f'telemetry: {self._problem(stage)}'


@dataclass(kw_only=True)
class Connected(Expectation):
    """The platform has a connection of the robot, or none."""

    key: ClassVar[str] = 'connected'
    expected: bool

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'expected': part['connected'].boolean()}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        return lambda: stage.timeline.connected(self.robot) == self.expected or None

    def missed(self, stage: Stage) -> str:
        return f'the robot is {"not " if self.expected else ""}connected'
