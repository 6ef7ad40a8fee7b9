# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The links as the robot side sees them: what each carries, whether it is up, how to send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...messages import LinkState, LinkStateChanged, LinkStatistics


class Links:
    """All links of the configuration, by name; on the ROS thread."""

    def __init__(
        self,
        carriers: Mapping[str, frozenset[type]],
        put: Callable[[str, Any], None],
        waiting: Callable[[str], int] = lambda link: 0,
    ) -> None:
        """
        Take the message types each link carries, and what puts a message on a link.

        `waiting` returns how much of what is for this connection only has not gone yet, bytes.
        """
        self.carriers = carriers
        self.waiting = waiting
        self.changes: dict[str, LinkStateChanged] = {}
        self.numbers: dict[str, LinkStatistics] = {}
        self._put = put

    def that_carry(self, *kinds: type) -> list[str]:
        """Links that carry at least one of these messages."""
        return [name for name, carried in self.carriers.items() if carried.intersection(kinds)]

    def send(self, message: Any, to: str | None = None) -> bool:
        """Send to one link, or to every link that can carry the message; whether any can."""
        kind = type(message)
        names = [
            name
            for name, carried in self.carriers.items()
            if kind in carried and to in (None, name)
        ]
        for name in names:
            self._put(name, message)
        return bool(names)

    @property
    def any_connected(self) -> bool:
        """Whether at least one link is up."""
        return any(change.state is LinkState.CONNECTED for change in list(self.changes.values()))

    @property
    def all_connected(self) -> bool:
        """Whether every link is up that was dialled."""
        return all(change.state is LinkState.CONNECTED for change in list(self.changes.values()))

    def up(self, link: str) -> bool:
        """Whether a link is connected."""
        change = self.changes.get(link)
        return change is not None and change.state is LinkState.CONNECTED

    def clock_offset(self, link: str) -> float:
        """Clock of a link's platform minus the robot's, s; 0 while unknown, and of no link."""
        numbers = self.numbers.get(link)
        return (numbers.clock_offset if numbers else None) or 0.0

    def send_first(self, message: Any, to: str) -> str:
        """Send to one link, or with '' to the first that can carry it; why it cannot be done."""
        names = [name for name in self.that_carry(type(message)) if to in ('', name)]
        if not names:
            return f'no link {to or "of this bridge"} carries {type(message).__name__}'
        self._put(names[0], message)
        return ''

    def send_now(self, message: Any, to: str) -> str:
        """Send to a link that must be up; why it cannot be done, empty if it was."""
        if not self.up(to):
            change = self.changes.get(to)
            why = (change.error or change.state.value) if change else 'not dialled yet'
            return f'not connected to the platform: {to}: {why}'
        return '' if self.send(message, to) else f'{to} cannot carry {type(message).__name__}'
