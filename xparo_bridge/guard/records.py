# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The records between bridge and guard, each one datagram of a Unix socket.

Times are of CLOCK_MONOTONIC, which all processes of a machine share, in seconds; velocities as in
REP 103. A record that is not exactly so raises ValueError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
import math
import struct

# Bits of `types`.
TWIST, TWIST_STAMPED = 1, 2
# No velocity holds for longer than this, s: the longest deadman, and a margin.
LONGEST = 6.0

_MAGIC = b'XG01'
_ORDER = struct.Struct('<4sBBBxQ5dq')
_REPORT = struct.Struct('<4sQ')
_TOPIC = struct.Struct('<BxH')


class What(IntEnum):
    """What an order asks for."""

    TYPES = 1  # publish these types from now on
    DRIVE = 2  # publish this velocity, and zeros after `until`
    STAND = 3  # publish zeros for `until` seconds


@dataclass(frozen=True)
class Order:
    """From the bridge: what to do on one topic; `stamp` is ROS time in ns, 0 for the system's."""

    what: What
    topic: int
    number: int = 0
    types: int = 0
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    until: float = 0.0
    sent: float = 0.0
    stamp: int = 0

    def pack(self) -> bytes:
        """Return the datagram."""
        return _ORDER.pack(
            _MAGIC,
            self.what,
            self.topic,
            self.types,
            self.number,
            *self.velocity,
            self.until,
            self.sent,
            self.stamp,
        )

    @classmethod
    def unpack(cls, data: bytes, topics: int, now: float) -> Order:
        """Return the order of a datagram for one of so many topics."""
        try:
            magic, what, topic, types, number, x, y, turn, until, sent, stamp = _ORDER.unpack(data)
        except struct.error as error:
            raise ValueError(f'{len(data)} bytes are no order') from error
        order = cls(What(what), topic, number, types, (x, y, turn), until, sent, stamp)
        if magic != _MAGIC or topic >= topics or types > (TWIST | TWIST_STAMPED) or stamp < 0:
            raise ValueError('no order of this version, or for a topic that is none')
        if not all(map(math.isfinite, (x, y, turn, until, sent))):
            raise ValueError('numbers that are not finite')
        if order.what is What.DRIVE and until > now + LONGEST:
            raise ValueError(f'a velocity for {until - now:.0f} s')
        if order.what is What.STAND and not 0.0 <= until <= 60.0:
            raise ValueError(f'zeros for {until:.0f} s')
        return order


@dataclass(frozen=True)
class Report:
    """From the guard: the last order it obeyed; types and matched subscriptions by topic."""

    number: int
    topics: Sequence[tuple[int, int]]

    def pack(self) -> bytes:
        """Return the datagram."""
        return _REPORT.pack(_MAGIC, self.number) + b''.join(
            _TOPIC.pack(types, min(matched, 0xFFFF)) for types, matched in self.topics
        )

    @classmethod
    def unpack(cls, data: bytes) -> Report:
        """Return the report of a datagram."""
        try:
            magic, number = _REPORT.unpack_from(data)
            topics = tuple(_TOPIC.iter_unpack(data[_REPORT.size :]))
        except struct.error as error:
            raise ValueError(f'{len(data)} bytes are no report') from error
        if magic != _MAGIC:
            raise ValueError('no report of this version')
        return cls(number, topics)
