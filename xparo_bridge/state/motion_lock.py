# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep on record whether the robot is stopped or paused, so that in doubt it counts as stopped.

What cannot be read, was damaged or is no lock at all is never taken as "free": `damaged` says
why, and whoever moves the robot keeps it stopped until somebody frees it. A first start is no such
case.
"""

from __future__ import annotations

from .table import Table

LOCKS = ('', 'paused', 'stopped')
_KEY = 'motion'


class MotionLockRecord:
    """The motion lock on record; for the ROS thread."""

    def __init__(self, table: Table, damage: str, first_start: bool) -> None:
        """Take the table, and what the start found damaged."""
        self._table = table
        value = table.get(_KEY)
        if not damage and table.damaged:
            damage = 'its record is damaged'
        if not damage and value is None and not first_start:
            damage = 'its record is missing'
        if not damage and value is not None and value not in LOCKS:
            damage = f'expected one of {", ".join(LOCKS[1:])} on record, not {value!r:.40}'
        self._damaged = damage
        self._value = value if value in LOCKS and value is not None else ''
        if first_start and value is None and not damage:
            table.put(_KEY, '')

    @property
    def value(self) -> str:
        """'stopped', 'paused', or empty for free; as far as it is known where it is damaged."""
        return self._value

    @property
    def damaged(self) -> str:
        """Why it is not known whether the robot is stopped, empty if it is; until it is set."""
        return self._damaged

    def set(self, value: str) -> None:
        """
        Record that the robot is stopped, paused or ('') free; never waits for the disk.

        :raises ValueError: for anything else.
        """
        if value not in LOCKS:
            raise ValueError(f'expected one of {LOCKS}, not {value!r}')
        self._value = value
        self._damaged = ''
        self._table.put(_KEY, value)
