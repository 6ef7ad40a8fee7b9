# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Decide who may drive a robot by hand: one person at a time, on one connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
import time
from typing import Any

IDLE = 10.0  # s without driving or asking again, after which a lease is over


class LeaseTaken(Exception):
    """Another has the lease: who, and how to have it."""


@dataclass
class Lease:
    """One robot's lease."""

    holder: str
    connection: int
    reason: str = ''
    since: float = field(default_factory=time.time)
    until: float = 0.0

    def shown(self) -> dict[str, Any]:
        """What others see of it."""
        return {'holder': self.holder, 'reason': self.reason, 'since': self.since}


class Leases:
    """The leases of all robots; `report` gets each change: robot, holder, reason, taken_from."""

    def __init__(self, report: Callable[..., None]) -> None:
        self._report = report
        self._leases: dict[str, Lease] = {}

    def holder(self, robot: str) -> dict[str, Any] | None:
        """Who has it."""
        lease = self._current(robot)
        return lease.shown() if lease else None

    def acquire(
        self,
        robot: str,
        holder: str,
        connection: int,
        *,
        take_over: bool = False,
        reason: str = '',
    ) -> dict[str, Any]:
        """
        Have the lease from now on, or have it for longer.

        :raises LeaseHeld: if another has it and `take_over` is not set
        :raises ValueError: if it is to be taken over without a reason
        """
        lease = self._current(robot)
        mine = lease is not None and lease.connection == connection
        if lease is not None and not mine:
            if not take_over:
                raise LeaseTaken(f'{lease.holder} drives {robot}; take over with a reason')
            if not reason:
                raise ValueError('to take over, a reason is needed: it is shown and kept')
        if lease is None or not mine:
            new = self._leases[robot] = Lease(holder, connection, reason)
            self._report(
                robot, holder=holder, reason=reason, taken_from=lease.holder if lease else ''
            )
            lease = new
        lease.until = time.monotonic() + IDLE
        return lease.shown()

    def release(self, robot: str, connection: int) -> None:
        """Give it back, if it is this connection's."""
        lease = self._leases.get(robot)
        if lease is not None and lease.connection == connection:
            del self._leases[robot]
            self._report(robot, holder='', reason='', taken_from=lease.holder)

    def release_all(self, connection: int) -> None:
        """Give back all that a connection has, as it is gone."""
        for robot in list(self._leases):
            self.release(robot, connection)

    def _current(self, robot: str) -> Lease | None:
        lease = self._leases.get(robot)
        if lease is not None and lease.until < time.monotonic():
            del self._leases[robot]
            self._report(robot, holder='', reason='', taken_from=lease.holder)
            return None
        return lease
