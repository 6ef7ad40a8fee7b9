# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Which of all that happens on the platform goes into its history, and comes back at a start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import time
from typing import Any

from .platform_history import History
from .platform_store import EventLog, RobotRecord

KEEP_SOON = 0.1  # s; the state is written with its map, and a command brings some reports at once
KEEP_PERIOD = 5.0  # s between two states of one robot on disk, while only telemetry comes
# A killed platform had given numbers that were not written; none is to be given twice.
_UNWRITTEN = 100_000
_RESTORED = 10_000  # records of a kind, of all robots together


class Keeper:
    """Writes the records of robots; those of a connection that has not said who it is are not."""

    def __init__(self, history: History, events: EventLog) -> None:
        self._history = history
        self._events = events
        self._kept_at: dict[str, float] = {}
        self._planned: dict[str, asyncio.TimerHandle] = {}

    async def restore(self, robots: Mapping[str, RobotRecord]) -> None:
        """Give robots back what they said lately, which is in the history, not in their state."""
        for kind, name in (
            ('chat', 'chat'),
            ('status', 'command_status'),
            ('tree_report', 'behavior_status'),
        ):
            for record in await self._history.records(kind, newest=True, limit=_RESTORED):
                if record['robot'] in robots:
                    getattr(robots[record['robot']], name).append(record['data'])

    def received(self, record: RobotRecord, kind: str, data: dict[str, Any]) -> None:
        """Keep what a robot said."""
        robot = record.robot_id
        if kind == 'telemetry':
            self._history.add('telemetry', robot, data)
        elif kind == 'telemetry_history':
            for sample in data['samples']:
                self._history.add('telemetry', robot, sample['values'], at=float(sample['time']))
        elif kind == 'command_status':
            if record.is_repeat(data):
                return
            # Of what runs the progress is many times the rest, and of no interest afterwards.
            if data['state'] != 'running' or not data.get('progress'):
                self._history.add('status', robot, data, name=data['command_id'])
        elif kind == 'behavior_status':
            self._history.add('tree_report', robot, data, name=str(data.get('run_id', '')))
        elif kind == 'chat':
            self.said(robot, {'from': 'robot', 'text': data['message']})
        if kind != 'pong' and (kind != 'telemetry' or self._is_due(robot)):
            self.keep(record)

    def said(self, robot: str, line: Mapping[str, Any]) -> None:
        """Keep a line of a chat: from, text, operator."""
        self._history.add('chat', robot, line)

    def link(self, record: RobotRecord, event: str, **how: Any) -> None:
        """Keep that a robot came or went."""
        if not record.is_unnamed:
            self._history.add('link', record.robot_id, {'event': event, **how})
            self.keep(record)

    def keep(self, record: RobotRecord) -> None:
        """Keep the state of a robot: at once, and then once in KEEP_SOON however much comes."""
        robot = record.robot_id
        if record.is_unnamed or robot in self._planned:
            return
        soon = self._kept_at.get(robot, -1e9) + KEEP_SOON - time.monotonic()
        if soon <= 0.0:
            self.keep_now(record)
        else:
            loop = asyncio.get_running_loop()
            self._planned[robot] = loop.call_later(soon, self.keep_now, record)

    def keep_now(self, record: RobotRecord) -> None:
        """Keep the present state of a robot."""
        planned = self._planned.pop(record.robot_id, None)
        if planned is not None:
            planned.cancel()
        if not record.is_unnamed:
            self._kept_at[record.robot_id] = time.monotonic()
            self._history.save_robot(record.robot_id, record.kept())
            self._history.save_seq(self._events.last)

    def _is_due(self, robot: str) -> bool:
        """Whether a robot's latest telemetry is to be kept again; its samples are in any case."""
        return time.monotonic() - self._kept_at.get(robot, -1e9) > KEEP_PERIOD


def restored(history: History) -> dict[str, RobotRecord]:
    """Robots of an earlier run, the one seen last at the end."""
    return {
        robot: RobotRecord.restored(robot, seen, data) for robot, seen, data in history.robots()
    }


def first_number(history: History) -> int:
    """Number behind which those of events go on."""
    kept = history.seq()
    return kept + _UNWRITTEN if kept else 0
