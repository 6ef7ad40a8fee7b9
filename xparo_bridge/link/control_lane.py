# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What must arrive: control messages, kept until the peer has them.

They may arrive twice, never not at all. Each has a message_id that is never used again, and one
that may have been received before is marked as resent. Those about one subject (a command, a tree,
chat) keep their order; what is new goes before the backlog of an outage about other subjects.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import math
import secrets
import time
from typing import Any

from ..messages import CommandState, CommandStatus
from .control_entries import Backlog, Cause, Delivery, Entry, OVERHEAD, size_of, subject_of
from .outbox import from_text, Outbox, Row, to_text
from .shorten import shortened

# States of a command that a newer one may take the place of before it is sent.
_GOING_ON = (CommandState.RUNNING, CommandState.PAUSED)

# How much of a backlog may be on its way: what is new waits behind no more than this, bytes.
WINDOW = 32 * 1024
# How soon behind an entry an end must come to be held against it, s.
_SOON = 5.0
# No peer finds a message of so many bytes too large.
_SMALL = 1024


class ControlLane:
    """
    Control messages of one link; lives in the link thread.

    `next` hands them out for a delivery; they stay until `confirm` says the peer has them, and
    `rewind` makes a backlog of the rest. With an `outbox` they outlive the process.

    What is beyond `max_message` bytes, or what the peer ends a connection for, is replaced by a
    short version, and given up if that is of no use either; `report` hears of it.
    """

    def __init__(
        self,
        max_bytes: int,
        outbox: Outbox | None = None,
        *,
        max_message: int = 1 << 20,
    ) -> None:
        self._max_bytes = max_bytes
        self.max_message = max_message
        # Hears what was left out, with the message if there is no rest of it.
        self.report: Callable[[str, Any], object] = lambda problem, message: None
        self.given_up = 0
        self._outbox = outbox
        self._entries: dict[int, Entry] = {}
        self._bytes = 0
        self._number = 0
        self._run = secrets.token_hex(4)
        self._new: deque[Entry] = deque()
        self._backlog = Backlog()
        self._questions = False  # Whether there ever was one that expires.
        self._main = Delivery()
        self._deliveries = [self._main]
        # The last ones that were confirmed, of those that may be too large for a peer.
        self._confirmed: deque[Entry] = deque(maxlen=8)
        # By command: progress that was never sent, so that newer may take its place.
        self._progress: dict[str, Entry] = {}
        # Of the entry that was handed out last: it must not be sent before it is on record.
        self.mark = 0
        self.dropped = 0
        if outbox is not None:
            outbox.entries = self._rows
            self._put_left(outbox)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def sent(self) -> int:
        """How many entries the main delivery was handed."""
        return self._main.sent

    @property
    def largest_unconfirmed(self) -> int:
        """The size of the largest entry under way, bytes."""
        return max((entry.size for entry in self._main.unconfirmed), default=0)

    def delivery(self) -> Delivery:
        """Return another way to the peer beside the main one."""
        self._deliveries.append(Delivery())
        return self._deliveries[-1]

    def add(self, message: Any) -> None:
        """Append, or replace progress of the same command that still waits: it says less."""
        text = to_text(message)
        if size_of(text) - OVERHEAD > self.max_message:
            message = self._fitting(message, text)
            if message is None:
                return
            text = to_text(message)
        running = isinstance(message, CommandStatus) and message.state in _GOING_ON
        if running and (waiting := self._progress.get(message.command_id)) is not None:
            self._bytes -= waiting.size
            waiting.put(text)
            self._bytes += waiting.size
            self._write(waiting, ends=False)
        else:
            self._number += 1
            entry = Entry(
                self._number,
                f'{self._run}-{self._number}',
                text,
                subject_of(message),
                getattr(message, 'resent', False),
            )
            if (good_for := getattr(message, 'good_for', None)) is not None:
                entry.expires_at = time.monotonic() + good_for
                self._questions = True
            # After what waits about the same subject, else before the backlog.
            if entry.subject in self._backlog.subjects:
                self._backlog.append(entry)
            else:
                self._new.append(entry)
            self._entries[entry.number] = entry
            self._bytes += entry.size
            if running:
                self._progress[message.command_id] = entry
            self._write(
                entry, ends=not isinstance(message, CommandStatus) or message.state.terminal
            )
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def next(self, to: Delivery | None = None) -> Any:
        """
        Hand out the next message, None if there is none or the window is full.

        ValueError for an entry that another version left and this one does not know.
        """
        if self._outbox is not None and self._outbox.left:
            self._put_left(self._outbox)
        to = to or self._main
        self._withdraw_expired()
        if to.unconfirmed and to.unconfirmed[-1].suspect:
            return None  # It goes alone.
        if self._new:
            entry = self._new.popleft()
        elif (
            self._backlog.entries
            and to.size < WINDOW
            and not (self._backlog.entries[0].suspect and to.unconfirmed)
        ):
            entry = self._backlog.popleft()
        else:
            return None
        self._no_longer_waits(entry)
        to.unconfirmed.append(entry)
        to.size += entry.size
        to.sent += 1
        entry.handed_at = time.monotonic()
        self.mark = entry.mark
        # What an earlier run left is numbered below 1.
        return from_text(entry.text, entry.message_id, entry.resent, written=entry.number > 0)

    def _withdraw_expired(self) -> None:
        """Forget the questions whose turn it is, but for whose answer nobody waits any more."""
        if not self._questions:
            return
        now = time.monotonic()
        while self._new and self._new[0].expires_at < now:
            self._forget(self._new.popleft())
        while self._backlog.entries and self._backlog.entries[0].expires_at < now:
            self._forget(self._backlog.popleft())

    def confirm(self, sent: int, of: Delivery | None = None) -> None:
        """Forget everything up to the `sent`-th that was handed out: the peer has it."""
        of = of or self._main
        while of.unconfirmed and of.sent - len(of.unconfirmed) < sent:
            entry = of.pop()
            self._forget(entry)
            if entry.size > _SMALL:
                self._confirmed.append(entry)

    def refuse_largest(self) -> None:
        """
        Shorten or give up the largest message under way: the peer says that it was too large.

        The connection stays open, so nothing is handed out again but the short version.
        """
        since = time.monotonic() - _SOON
        of, entries = self._main, [*self._main.unconfirmed]
        if not entries:  # It may say so after it has confirmed all.
            entries = [entry for entry in self._confirmed if entry.handed_at > since]
        if not entries or max(entry.size for entry in entries) <= _SMALL:
            return
        guilty = max(entries, key=lambda entry: entry.size)
        before = guilty.size
        short = self._shortened(guilty)
        if short is None:
            return
        if guilty in of.unconfirmed:  # Should the connection end now, it is the short one's turn.
            of.size += guilty.size - before
        else:
            self._confirmed.clear()
        self.add(short)
        if (again := self._entries.get(self._number)) is not None and again.text == guilty.text:
            again.short = True

    def rewind(self, of: Delivery | None = None, cause: Cause = Cause.CUT) -> None:
        """The connection is gone: what was not confirmed is to be handed out again, in order."""
        of = of or self._main
        unconfirmed = list(of.unconfirmed)
        of.unconfirmed.clear()
        of.size = 0
        for entry in unconfirmed:
            entry.resent = True
        self._blame(unconfirmed, cause)
        if unconfirmed or (self._new and of is self._main):
            waiting = sorted(
                (
                    *(entry for entry in unconfirmed if entry.number in self._entries),
                    *self._backlog.entries,
                    *self._new,
                ),
                key=lambda entry: entry.number,
            )
            self._new.clear()
            self._backlog.replace(waiting)

    def _blame(self, entries: list[Entry], cause: Cause) -> None:
        """Find out which entry the peer cannot take, and shorten it or give it up."""
        if not entries:
            return
        guilty = entries[0]
        if len(entries) > 1:
            entries[0].strikes += cause is Cause.CUT
            if cause is not Cause.CUT or entries[0].strikes >= Cause.CLOSED.value:
                entries[0].strikes = 0
                for entry in entries:
                    entry.suspect = True
            guilty = max(entries, key=lambda entry: entry.size)
            if cause is not Cause.TOO_BIG or guilty.size < 64 * 1024:
                return
        if time.monotonic() - guilty.handed_at > _SOON:
            return
        guilty.strikes += 1
        if cause is not Cause.CUT or guilty.strikes >= Cause.CLOSED.value:
            guilty.suspect = True
        if guilty.strikes < cause.value:
            return
        if self._shortened(guilty) is None:
            self._forget(guilty)

    def _shortened(self, guilty: Entry) -> Any:
        """Cut an entry that the peer cannot take, and return what is left; None: given up."""
        try:
            message = from_text(guilty.text)
        except ValueError:
            message = None
        short = None if guilty.short or message is None else shortened(message)
        kind = type(message).__name__
        if short is None:
            self.report(
                f'{kind} of {guilty.size} bytes is given up: the platform takes none', message
            )
            self.given_up += 1
            self.dropped += 1
            return None
        self.report(
            f'{kind} of {guilty.size} bytes, which the platform does not take, is '
            f'cut to what it is about: without {", ".join(getattr(short, "omitted", ()))}',
            None,
        )
        kept = guilty.number in self._entries
        self._bytes -= guilty.size if kept else 0
        guilty.put(to_text(short))
        guilty.strikes, guilty.short = 0, True
        if kept:
            self._bytes += guilty.size
            self._write(guilty)
        return short

    def _fitting(self, message: Any, text: str) -> Any:
        """Return a version of a message that fits, None if there is none."""
        kind, size = type(message).__name__, size_of(text) - OVERHEAD
        short = shortened(message)
        if short is None or size_of(to_text(short)) > self.max_message + OVERHEAD:
            self.report(
                f'{kind} of {size} bytes is not sent: at most {self.max_message} are', message
            )
            self.given_up += 1
            self.dropped += 1
            return None
        omitted = ', '.join(getattr(short, 'omitted', ()))
        self.report(
            f'{kind} is sent without {omitted}: at most {self.max_message} bytes are', None
        )
        return short

    def _drop_oldest(self) -> None:
        under_way = next((d for d in self._deliveries if d.unconfirmed), None)
        if under_way is not None:
            entry = under_way.pop()
        else:
            entry = self._backlog.popleft() if self._backlog.entries else self._new.popleft()
        self._no_longer_waits(entry)
        self._forget(entry)
        self.dropped += 1

    def _no_longer_waits(self, entry: Entry) -> None:
        if self._progress.get(entry.subject) is entry:
            del self._progress[entry.subject]

    def _put_left(self, outbox: Outbox) -> None:
        """Put what an earlier run left before everything else."""
        left = []
        for number, message_id, text in list(outbox.left):
            expires_at = math.inf
            try:
                message = from_text(text)
                subject = subject_of(message)
                if getattr(message, 'good_for', None) is not None:
                    expires_at = -math.inf  # Whoever asked is no more.
                    self._questions = True
            except ValueError:
                subject = ''  # `next` will say so.
            entry = Entry(number, message_id, text, subject, resent=True)
            entry.expires_at = expires_at
            left.append(entry)
        self._entries.update((entry.number, entry) for entry in left)
        self._bytes += sum(entry.size for entry in left)
        self._backlog.replace([*left, *self._backlog.entries])
        outbox.taken(len(left))  # Not before: what is in neither would not be written.

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry.number]
        self._bytes -= entry.size
        if self._outbox is not None:
            self._outbox.delete(entry.number)

    def _write(self, entry: Entry, *, ends: bool = True) -> None:
        if self._outbox is None:
            return
        # That a command goes on is sent once its order is on record, so that it gets its end
        # whatever happens; the record of its going on matters to nobody and is not waited for.
        before = None if ends else self._outbox.mark
        written = self._outbox.write(entry.row)
        entry.mark = written if before is None else before

    def _rows(self) -> list[Row]:
        # Called in the writer's thread: to list a dict's values is one step of the interpreter.
        return [entry.row for entry in list(self._entries.values())]
