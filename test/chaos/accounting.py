# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What must have arrived at a platform, and what did: the books of a bridge that is broken.

A message counts as *taken* by a bridge if it had written it to its outbox or sent it:

- chat, by its numbers: between the first and the newest of one life of the bridge that are found
  at the platform, or in the outbox file after that life's death, every one was taken that the
  bridge did not refuse in its log because no link was up: chat keeps its order. How old the oldest
  chat was that a death took with it is told (`untaken`).
- every message that is found in an outbox file after a death.
- of a life that went on to the end, all chat from the first found to the last said.

A command counts as soon as it was sent. One of which anything was told must end unasked; one of
which nothing was is sent again, as a platform may, until it is answered. Each must have one end,
told once or marked as told again, and must have run once at most.
"""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
import shutil
import sqlite3
import tempfile
from typing import Any

from xparo_bridge.local.platform_frames import COMMAND_STATES, TERMINAL_STATES


@dataclass
class Verdict:
    """What became of all that was taken."""

    taken: int
    lost: list[str]
    out_of_order: list[str]
    duplicates: int
    unmarked: list[str]
    commands: int
    untaken: float
    recoveries: list[float]

    @property
    def good(self) -> bool:
        """Whether nothing was lost, out of order, or twice without a mark."""
        return not (self.lost or self.out_of_order or self.unmarked)

    def __str__(self) -> str:
        times = sorted(self.recoveries) or [0.0]
        found = ''.join(
            f'; {what}: {", ".join(which[:5])}'
            for what, which in (
                ('lost', self.lost),
                ('out of order', self.out_of_order),
                ('twice and not marked', self.unmarked),
            )
            if which
        )
        return (
            f'lost {len(self.lost)} of {self.taken}, {self.commands} commands among them; out '
            f'of order {len(self.out_of_order)}; duplicates {self.duplicates}, not marked '
            f'{len(self.unmarked)}; time to recover p50 {times[len(times) // 2]:.2f} s, p99 '
            f'{times[int(len(times) * 0.99)]:.2f} s of {len(times)}'
            + (
                f'; a death took {self.untaken * 1000:.0f} ms of chat at most'
                if self.untaken
                else ''
            )
            + found
        )


class Ledger:
    """The books of one platform's record."""

    def __init__(self, record: Path) -> None:
        """Read what a platform appends to a file."""
        self._record = record
        self._record.touch()
        self._position = 0
        # Of messages with an id: those that arrived, and those found in an outbox after a death.
        self._ids: set[str] = set()
        self._kept_ids: set[str] = set()
        # Of chat: what arrived, what was taken, and what the present life has said since.
        self._chats: set[int] = set()
        self._taken_chats: set[int] = set()
        self._life_began = 0
        self.newest_chat = 0
        self._untaken = 0.0
        # Of commands: how far each is told to be, as something that only grows, and its end.
        self._told: dict[str, tuple[int, float]] = {}
        self.ends: dict[str, str] = {}
        self.asked_again: set[str] = set()
        self._duplicates = 0
        self._out_of_order: list[str] = []
        self._unmarked: list[str] = []
        self._marked: set[str] = set()
        self.recoveries: list[float] = []

    def read(self) -> None:
        """Take what was recorded since."""
        with self._record.open() as record:
            record.seek(self._position)
            while (line := record.readline()).endswith('\n'):
                self._position = record.tell()
                try:
                    event = json.loads(line)
                except ValueError:  # The platform was killed in the midst of a line.
                    continue
                if event['event'] == 'received':
                    self._take(event['type'], event['data'])

    def life_ends(
        self, outbox: Path, said: dict[int, float], refused: set[int], at: float
    ) -> None:
        """
        Look at the file of a bridge that was killed.

        `said` is when each chat was; `refused` are those that this life refused.
        """
        self.read()
        kept, ids = _left_in(outbox)
        self._kept_ids |= ids
        found = [number for number in self._chats | kept if number > self._life_began]
        if found:
            self._taken_chats.update(set(range(min(found), max(found) + 1)) - refused)
            self._untaken = max(
                [
                    self._untaken,
                    *(
                        at - when
                        for number, when in said.items()
                        if max(found) < number and when < at and number not in refused
                    ),
                ]
            )
        self._life_began = max(said, default=0)

    def left_behind(self, outbox: Path) -> int:
        """Take what is in the outbox file of a bridge that does not run; how much that is."""
        kept, ids = _left_in(outbox)
        self._taken_chats |= kept
        self._kept_ids |= ids
        self._life_began = max([self._life_began, self.newest_chat, *kept])
        return len(kept) + len(ids)

    def all_kept_arrived(self) -> bool:
        """Whether all that was in an outbox file has arrived."""
        self.read()
        return not self._lost()

    def all_arrived(self, said: int, refused: set[int]) -> bool:
        """Whether all that was taken has arrived, the chat of this life up to `said` too."""
        self.read()
        found = [number for number in self._chats if number > self._life_began]
        if found:
            self._taken_chats.update(set(range(min(found), said + 1)) - refused)
        return not self._lost() and bool(found)

    @property
    def unended(self) -> set[str]:
        """Commands of which something was told, but no end."""
        return self._told.keys() - self.ends.keys()

    def _lost(self) -> list[str]:
        return [
            *(f'chat {number}' for number in sorted(self._taken_chats - self._chats)),
            *sorted(self._kept_ids - self._ids),
        ]

    def verdict(self, commands: set[str]) -> Verdict:
        """Judge; `commands` are all that were sent."""
        lost = self._lost() + sorted(commands - self.ends.keys())
        return Verdict(
            taken=len(self._taken_chats) + len(self._ids | self._kept_ids),
            lost=lost,
            out_of_order=self._out_of_order,
            duplicates=self._duplicates,
            unmarked=self._unmarked,
            commands=len(commands),
            untaken=self._untaken,
            recoveries=self.recoveries,
        )

    def _take(self, kind: str, data: dict[str, Any]) -> None:
        if kind == 'chat' and data['message'].startswith('said '):
            self._take_chat(int(data['message'].split()[1]), bool(data.get('resent')))
        elif 'message_id' in data:
            if data['message_id'] in self._ids:
                self._again(data['message_id'], bool(data.get('resent')))
                return
            self._ids.add(data['message_id'])
            if data.get('resent'):
                self._marked.add(data['message_id'])
            if kind == 'command_status':
                self._take_status(data)

    def _again(self, what: str, marked: bool) -> None:
        self._duplicates += 1
        # What a pulled cable held up can arrive by the old connection after it came again by the
        # new one: then the first of the two has the mark.
        if not marked and what not in self._marked:
            self._unmarked.append(what)

    def _take_chat(self, number: int, resent: bool) -> None:
        if number in self._chats:
            self._again(f'chat {number}', resent)
            return
        if resent:
            self._marked.add(f'chat {number}')
        if number < self.newest_chat:
            self._out_of_order.append(f'chat {number} after {self.newest_chat}')
        self._chats.add(number)
        self.newest_chat = max(number, self.newest_chat)

    def _take_status(self, data: dict[str, Any]) -> None:
        command, state = data['command_id'], data['state']
        left = (data.get('progress') or {}).get('left', 0)
        place = (min(COMMAND_STATES.index(state), 2), -left)
        before = self._told.setdefault(command, place)
        if self.ends.get(command) == state or (
            place <= before and command in self.asked_again and data.get('resent')
        ):
            self._again(f'{command} {state}', bool(data.get('resent')))
        elif command in self.ends or place < before:
            self._out_of_order.append(f'{command} {state} after {self.ends.get(command, before)}')
        self._told[command] = max(place, before)
        if state in TERMINAL_STATES:
            self.ends.setdefault(command, state)


def _left_in(outbox: Path) -> tuple[set[int], set[str]]:
    """Chats and ids of other messages in the file of a bridge that is dead; a copy is read."""
    chats, ids = set(), set()
    with tempfile.TemporaryDirectory() as folder:
        for path in outbox.parent.glob(f'{outbox.name}*'):
            shutil.copy(path, folder)
        db = sqlite3.connect(Path(folder) / outbox.name)
        try:
            for message_id, text in db.execute('SELECT message_id, message FROM outbox'):
                kind, values = json.loads(text)
                if kind == 'ChatRequest':
                    chats.add(int(values['text'].split()[1]))
                else:
                    ids.add(message_id)
        except sqlite3.OperationalError:  # It died before it made the table.
            pass
        finally:
            db.close()
    return chats, ids
