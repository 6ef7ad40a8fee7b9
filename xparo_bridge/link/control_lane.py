# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What must arrive: control messages, kept until the peer has them.

They may arrive twice, never not at all. Each has a message_id that is never used again, and one
that may have been received before is marked as resent. Those about one subject (a command, a tree,
chat) keep their order; what is new goes before the backlog of an outage about other subjects.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
import secrets
from typing import Any

from ..messages import BehaviorStatus, CommandState, CommandStatus
from .outbox import from_text, Outbox, Row, to_text

# How much of a backlog may be on its way: what is new waits behind no more than this, bytes.
WINDOW = 32 * 1024
# What an entry costs beside its text, bytes, about.
_OVERHEAD = 200


@dataclass(slots=True, eq=False)
class _Entry:
    number: int
    message_id: str
    text: str
    subject: str
    resent: bool = False
    # The state writer's cycle that puts it on record.
    mark: int = 0

    @property
    def size(self) -> int:
        return len(self.text) + _OVERHEAD

    @property
    def row(self) -> Row:
        return self.number, self.message_id, self.text


class ControlLane:
    """
    Control messages of one link; lives in the link thread.

    `next` hands them out; they stay until `confirm` says the peer has them, and `rewind` makes a
    backlog of the rest for the next connection. With an `outbox` they outlive the process.
    """

    def __init__(self, max_bytes: int, outbox: Outbox | None = None) -> None:
        self._max_bytes = max_bytes
        self._outbox = outbox
        self._entries: dict[int, _Entry] = {}
        self._bytes = 0
        self._number = 0
        self._run = secrets.token_hex(4)
        self._new: deque[_Entry] = deque()
        self._backlog: deque[_Entry] = deque()
        self._backlog_subjects: Counter[str] = Counter()
        self._unconfirmed: deque[_Entry] = deque()
        self._unconfirmed_bytes = 0
        # By command: progress that was never sent, so that newer may take its place.
        self._progress: dict[str, _Entry] = {}
        self._sent = 0
        # Of the entry that was handed out last: it must not be sent before it is on record.
        self.mark = 0
        self.dropped = 0
        if outbox is not None:
            outbox.entries = self._rows
            self._take_left(outbox)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def sent(self) -> int:
        """How many entries were handed out in all; what `confirm` is given back."""
        return self._sent

    def add(self, message: Any) -> None:
        """Append, or replace progress of the same command that still waits: it says less."""
        text = to_text(message)
        running = isinstance(message, CommandStatus) and message.state is CommandState.RUNNING
        if running and (waiting := self._progress.get(message.command_id)) is not None:
            self._bytes += len(text) - len(waiting.text)
            waiting.text = text
            self._write(waiting)
        else:
            self._number += 1
            entry = _Entry(
                self._number,
                f'{self._run}-{self._number}',
                text,
                _subject(message),
                getattr(message, 'resent', False),
            )
            # After what waits about the same subject, else before the backlog.
            if entry.subject in self._backlog_subjects:
                self._push_back(entry)
            else:
                self._new.append(entry)
            self._entries[entry.number] = entry
            self._bytes += entry.size
            if running:
                self._progress[message.command_id] = entry
            self._write(entry)
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def next(self) -> Any:
        """
        Hand out the next message, None if there is none or the window is full.

        ValueError for an entry that another version left and this one does not know.
        """
        if self._outbox is not None and self._outbox.left:
            self._take_left(self._outbox)
        if self._new:
            entry = self._new.popleft()
        elif self._backlog and self._unconfirmed_bytes < WINDOW:
            entry = self._pop_backlog()
        else:
            return None
        self._no_longer_waits(entry)
        self._unconfirmed.append(entry)
        self._unconfirmed_bytes += entry.size
        self._sent += 1
        self.mark = entry.mark
        return from_text(entry.text, entry.message_id, entry.resent)

    def confirm(self, sent: int) -> None:
        """Forget everything up to the `sent`-th handed out: the peer has it."""
        while self._unconfirmed and self._sent - len(self._unconfirmed) < sent:
            self._forget(self._pop_unconfirmed())

    def rewind(self) -> None:
        """The connection is gone: what was not confirmed is to be handed out again, in order."""
        for entry in self._unconfirmed:
            entry.resent = True
        if self._unconfirmed or self._new:
            waiting = sorted(
                (*self._unconfirmed, *self._backlog, *self._new), key=lambda entry: entry.number
            )
            self._new.clear()
            self._unconfirmed.clear()
            self._unconfirmed_bytes = 0
            self._set_backlog(waiting)

    def _set_backlog(self, entries: list[_Entry]) -> None:
        self._backlog = deque(entries)
        self._backlog_subjects = Counter(entry.subject for entry in entries)

    def _push_back(self, entry: _Entry) -> None:
        self._backlog.append(entry)
        self._backlog_subjects[entry.subject] += 1

    def _pop_backlog(self) -> _Entry:
        entry = self._backlog.popleft()
        self._backlog_subjects[entry.subject] -= 1
        if not self._backlog_subjects[entry.subject]:
            del self._backlog_subjects[entry.subject]
        return entry

    def _pop_unconfirmed(self) -> _Entry:
        entry = self._unconfirmed.popleft()
        self._unconfirmed_bytes -= entry.size
        return entry

    def _drop_oldest(self) -> None:
        if self._unconfirmed:
            entry = self._pop_unconfirmed()
        else:
            entry = self._pop_backlog() if self._backlog else self._new.popleft()
        self._no_longer_waits(entry)
        self._forget(entry)
        self.dropped += 1

    def _no_longer_waits(self, entry: _Entry) -> None:
        if self._progress.get(entry.subject) is entry:
            del self._progress[entry.subject]

    def _take_left(self, outbox: Outbox) -> None:
        """Put what an earlier run left before everything else."""
        left = []
        for number, message_id, text in list(outbox.left):
            try:
                subject = _subject(from_text(text))
            except ValueError:
                subject = ''  # `next` will say so.
            left.append(_Entry(number, message_id, text, subject, resent=True))
        self._entries.update((entry.number, entry) for entry in left)
        self._bytes += sum(entry.size for entry in left)
        self._set_backlog([*left, *self._backlog])
        outbox.taken(len(left))  # Not before: what is in neither would not be written.

    def _forget(self, entry: _Entry) -> None:
        del self._entries[entry.number]
        self._bytes -= entry.size
        if self._outbox is not None:
            self._outbox.delete(entry.number)

    def _write(self, entry: _Entry) -> None:
        if self._outbox is not None:
            entry.mark = self._outbox.write(entry.row)

    def _rows(self) -> list[Row]:
        # Called in the writer's thread: to list a dict's values is one step of the interpreter.
        return [entry.row for entry in list(self._entries.values())]


def _subject(message: Any) -> str:
    if isinstance(message, CommandStatus):
        return str(message.command_id)
    if isinstance(message, BehaviorStatus):
        return f'tree {message.tree_name}'
    return type(message).__name__
