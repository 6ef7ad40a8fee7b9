# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Send what the robot's nodes log, from a level up, and of no node more than its share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import struct
import time
from typing import Any

from rclpy.node import Node

from ...ros.entities import timer
from ...ros.paths import parse_path
from ...ros.reader import make_reader
from ...ros.subscription import TopicSubscription
from ...token_bucket import TokenBucket

# rcl_interfaces/msg/Log
LEVELS = {'DEBUG': 10, 'INFO': 20, 'WARN': 30, 'ERROR': 40, 'FATAL': 50}

_NAMES = {number: name for name, number in LEVELS.items()}
_PERIOD = 0.5
_DEPTH = 1000
_LONGEST = 8000  # Characters of a line; a node may log a whole file.
_NODES = 500  # Nodes whose shares are remembered.
_LEVEL = {'level': parse_path('level')}
_RECORD = {name: parse_path(name) for name in ('stamp', 'level', 'name', 'msg')}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of a node's log; `stamp` in Unix seconds."""

    stamp: float
    level: str
    name: str
    text: str

    def __str__(self) -> str:
        at = time.gmtime(self.stamp)
        return (
            f'{time.strftime("%Y-%m-%dT%H:%M:%S", at)}.{int(self.stamp % 1 * 1000):03d}Z '
            f'[{self.level}] [{self.name}]: {self.text}'
        )


class RosoutLog:
    """
    Hands the lines of /rosout since `start` to `emit`, a list at a time, twice a second.

    A node may log `burst` lines at once and `rate` a second in the long run; how many were left
    out is reported in a line of its own. All on the ROS thread, where `emit` must not block.
    """

    def __init__(
        self,
        node: Node,
        emit: Callable[[Sequence[LogRecord]], None],
        *,
        level: str = 'INFO',
        rate: float = 5.0,
        burst: int = 50,
    ) -> None:
        """Prepare; KeyError for a level that is none of LEVELS."""
        self._node = node
        self._emit = emit
        self._level = LEVELS[level]
        self._rate = rate
        self._burst = burst
        self._shares: OrderedDict[str, _Share] = OrderedDict()
        self._subscription = TopicSubscription(
            node,
            '/rosout',
            'rcl_interfaces/msg/Log',
            depth=_DEPTH,
            on_type=self._on_type,
            expected=False,
        )
        self._timer: Any = None
        self._ticks = 0

    def start(self) -> None:
        """Begin with what is logged from now on."""
        # Nodes keep their last lines for late subscribers; those belong to the time before.
        self._began = time.monotonic()
        self._timer = timer(self._node, _PERIOD, self._tick)
        self._subscription.refresh()

    def stop(self) -> None:
        """Hand over what is still there, and end."""
        if self._timer is not None:
            self._collect()
            self._node.destroy_timer(self._timer)
            self._timer = None
        self._subscription.close()

    def _on_type(self, cls: type) -> None:
        self._read_level = make_reader(cls, _LEVEL)
        self._read = make_reader(cls, _RECORD)

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % 2 == 0:
            self._subscription.refresh()
        self._collect()

    def _collect(self) -> None:
        records: list[LogRecord] = []
        # By the clock of now, which may have been set since the start.
        begin = time.time() - (time.monotonic() - self._began)
        for data in self._subscription.drain():
            try:
                if self._read_level(data, time.time)['level'] < self._level:
                    continue
                read = self._read(data, time.time)
            except (ValueError, struct.error):
                continue  # No log message; there is nowhere better to say so than in the log.
            if read['stamp'] >= begin:
                self._admit(
                    LogRecord(
                        read['stamp'],
                        _NAMES.get(read['level'], str(read['level'])),
                        read['name'][:_LONGEST],
                        read['msg'][:_LONGEST],
                    ),
                    records,
                )
        if records:
            self._emit(records)

    def _admit(self, record: LogRecord, records: list[LogRecord]) -> None:
        share = self._shares.pop(record.name, None) or _Share(self._rate, self._burst)
        self._shares[record.name] = share
        if len(self._shares) > _NODES:
            self._shares.popitem(last=False)
        if not share.bucket.acquire():
            share.left_out += 1
            return
        if share.left_out:
            records.append(
                LogRecord(record.stamp, 'WARN', record.name, f'{share.left_out} lines left out')
            )
            share.left_out = 0
        records.append(record)


class _Share:
    """How many lines a node may still log."""

    __slots__ = ('bucket', 'left_out')

    def __init__(self, rate: float, burst: float) -> None:
        self.bucket = TokenBucket(rate, burst)
        self.left_out = 0
