# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of the control lane: what is known of each, and where they wait for their turn."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
import math
from typing import Any

from ..messages import BehaviorStatus, CommandStatus
from .outbox import Row

# What an entry costs beside its text, bytes, about.
OVERHEAD = 200


class Cause(Enum):
    """Why a connection ended; the value is how often that makes an entry its cause."""

    TOO_BIG = 1  # close code 1009
    UNREADABLE = 2  # 1003 and 1007
    CLOSED = 3  # by the peer, with another code
    CUT = 8  # without a word, as networks do


@dataclass(slots=True, eq=False)
class Entry:
    """One message; `mark` is the cycle of the state writer that puts it on record."""

    number: int
    message_id: str
    text: str
    subject: str
    resent: bool = False
    mark: int = 0
    # A connection ended while the peer had not confirmed it: it goes alone from now on, so that
    # the next end shows whether it is the cause. How often it was, and whether it is short now.
    suspect: bool = False
    strikes: int = 0
    short: bool = False
    handed_at: float = 0.0
    expires_at: float = math.inf
    size: int = 0

    def __post_init__(self) -> None:
        self.size = size_of(self.text)

    def put(self, text: str) -> None:
        self.text, self.size = text, size_of(text)

    @property
    def row(self) -> Row:
        return self.number, self.message_id, self.text


@dataclass(eq=False)
class Delivery:
    """What one way to the peer was handed; nobody else confirms or rewinds it."""

    sent: int = 0  # how many in all; what `confirm` is given back
    unconfirmed: deque[Entry] = field(default_factory=deque)
    size: int = 0

    def pop(self) -> Entry:
        """Take back the oldest."""
        entry = self.unconfirmed.popleft()
        self.size -= entry.size
        return entry


class Backlog:
    """Entries of an outage, in order, and what they are about."""

    __slots__ = ('entries', 'subjects')

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.subjects: Counter[str] = Counter()

    def replace(self, entries: Iterable[Entry]) -> None:
        """Have other entries instead."""
        self.entries = deque(entries)
        self.subjects = Counter(entry.subject for entry in self.entries)

    def append(self, entry: Entry) -> None:
        """Add the newest."""
        self.entries.append(entry)
        self.subjects[entry.subject] += 1

    def popleft(self) -> Entry:
        """Remove the oldest and return it."""
        entry = self.entries.popleft()
        self.subjects[entry.subject] -= 1
        if not self.subjects[entry.subject]:
            del self.subjects[entry.subject]
        return entry


def size_of(text: str) -> int:
    """Return what a text costs in memory, bytes, about."""
    return (len(text) if text.isascii() else len(text.encode())) + OVERHEAD


def subject_of(message: Any) -> str:
    """Return what a message is about: those about one subject keep their order."""
    if isinstance(message, CommandStatus):
        return str(message.command_id)
    if isinstance(message, BehaviorStatus):
        return f'tree {message.tree_name}'
    return type(message).__name__
