# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Decide which commands are due when: the schedules of all links, without ROS and without a clock.

An entry is the platform's {date, time}, on the clock of a time zone. Of a time that the clock
skips in spring the same moment counts as in standard time; of one that comes twice
in autumn, the first. An entry runs at most once, also over restarts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
import heapq
from itertools import islice
from typing import Any

from ...json_writer import dumps
from ...time_zones import time_zone

# A start up to so late, s, is no missed one: platforms give times in minutes.
ON_TIME_TOLERANCE = 60.0
# Entries of one link; to read one takes 30 µs, and a platform wants them all at once.
MAX_ENTRIES = 5000
WAITING, DONE, MISSED, INVALID = 'waiting', 'done', 'missed', 'invalid'
_POLICIES = ('skip', 'run')


@dataclass(frozen=True)
class Policy:
    """What holds for entries that do not say; `within` is how late `run` may still run one, s."""

    time_zone: str | None = None  # None for the machine's own
    missed: str = 'skip'
    within: float = 3600.0


@dataclass(frozen=True)
class Entry:
    """One command at one time; `fields` are as the platform has them, `due` is Unix seconds."""

    link: str
    name: str
    fields: Mapping[str, Any]
    command: str = ''
    parameters: Mapping[str, Any] | None = None
    due: float | None = None
    missed: str = 'skip'
    state: str = WAITING
    problem: str = ''
    # Name and fields as JSON: written when it is read, beside the ROS thread, which only joins.
    text: str = ''


class ScheduleEntries:
    """The entries of every link."""

    def __init__(self, policy: Policy, kept: Mapping[str, Any] | None = None) -> None:
        """Take up what `text` gave, by link, as it was read."""
        self._policy = policy
        self._entries: dict[str, dict[str, Entry]] = {}
        self._sorted: list[Entry] | None = None
        # What is to come, soonest first; what is no longer there is passed over.
        self._coming: list[tuple[float, str, str]] = []
        self._ended: dict[str, dict[str, list[Any]]] = {}
        for link, schedule in (kept or {}).items():
            self._ended[link] = schedule['ended']
            self.replace(link, schedule['entries'])

    def replace(self, link: str, entries: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
        """Lay down a link's whole schedule in place of the one before; the invalid entries."""
        return self.lay_down(link, read_schedule(link, entries, self._policy))

    def lay_down(self, link: str, read: Mapping[str, Entry]) -> list[Entry]:
        """Replace a link's schedule by entries that were read; the invalid ones."""
        ended = self._ended.get(link, {})
        # What ran stays run for as long as the platform keeps sending it with that time.
        self._ended[link] = {
            name: end for name, end in ended.items() if name in read and read[name].due == end[0]
        }
        self._entries[link] = {
            name: replace(entry, state=self._ended[link][name][1])
            if name in self._ended[link]
            else entry
            for name, entry in read.items()
        }
        self._sorted = None
        self._coming = [
            (entry.due, entry.link, entry.name)
            for of_link in self._entries.values()
            for entry in of_link.values()
            if entry.state == WAITING and entry.due is not None
        ]
        heapq.heapify(self._coming)
        return [entry for entry in self._entries[link].values() if entry.state == INVALID]

    def entries(self) -> list[Entry]:
        """Every entry, soonest first."""
        if self._sorted is None:
            self._sorted = sorted(
                (entry for of_link in self._entries.values() for entry in of_link.values()),
                key=lambda entry: (entry.due or 0.0, entry.link, entry.name),
            )
        return self._sorted

    def shown(self, most: int) -> list[Entry]:
        """Return those of all entries that say most: invalid, then to come, then ended last."""
        if sum(map(len, self._entries.values())) <= most:
            return self.entries()
        by_state: dict[str, list[Entry]] = {INVALID: [], WAITING: [], MISSED: [], DONE: []}
        for entry in self.entries():
            by_state[entry.state].append(entry)
        over = sorted(by_state[MISSED] + by_state[DONE], key=lambda entry: -(entry.due or 0.0))
        return [*by_state[INVALID], *by_state[WAITING], *over][:most]

    def waiting(self) -> bool:
        """Whether anything is still to come."""
        return bool(self._coming)

    def pop_due(self, now: float, most: int = MAX_ENTRIES) -> list[Entry]:
        """
        End what is due, Unix s: the entries, DONE for those to be run and else MISSED.

        At `most` so many; the others are due at the next call.
        """
        ended: list[Entry] = []
        while len(ended) < most and self._coming and self._coming[0][0] <= now:
            due, link, name = heapq.heappop(self._coming)
            entry = self._entries[link][name]
            late = now - due
            run = late <= (ON_TIME_TOLERANCE if entry.missed == 'skip' else self._policy.within)
            entry = replace(entry, state=DONE if run else MISSED)
            self._entries[entry.link][entry.name] = entry
            self._ended[entry.link][entry.name] = [entry.due, entry.state]
            self._sorted = None
            ended.append(entry)
        return ended

    def text(self, link: str) -> str:
        """Return what another run of the bridge needs to know of a link, {entries, ended}."""
        entries = ','.join(entry.text for entry in self._entries.get(link, {}).values())
        return f'{{"entries":{{{entries}}},"ended":{dumps(self._ended.get(link, {}))}}}'


def read_schedule(
    link: str, entries: Mapping[str, Mapping[str, Any]], policy: Policy
) -> dict[str, Entry]:
    """Read the first MAX_ENTRIES entries of a schedule."""
    return {
        name: read_entry(link, name, fields, policy)
        for name, fields in islice(entries.items(), MAX_ENTRIES)
    }


def read_entry(link: str, name: str, fields: Mapping[str, Any], policy: Policy) -> Entry:
    """Read an entry; what cannot be read makes it INVALID and says so."""
    kept = f'{dumps(name)}:{dumps(fields)}'
    try:
        text = {
            key: _text(fields, key) for key in ('date', 'time', 'command', 'time_zone', 'missed')
        }
        parameters = fields.get('parameters', {})
        if not isinstance(parameters, Mapping):
            raise ValueError('"parameters" is no object')
        missed = text['missed'] or policy.missed
        if missed not in _POLICIES:
            raise ValueError(f'"missed" is {" or ".join(_POLICIES)}, not "{missed}"')
        due = _moment(text['date'], text['time'], text['time_zone'] or policy.time_zone)
    except ValueError as error:
        return Entry(link, name, fields, state=INVALID, problem=str(error), text=kept)
    return Entry(link, name, fields, text['command'] or name, parameters, due, missed, text=kept)


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key) or ''
    if not isinstance(value, str):
        raise ValueError(f'"{key}" is no text')
    return value


def _moment(date: str, time: str, zone: str | None) -> float:
    for form in ('%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'):
        try:
            moment = datetime.strptime(f'{date} {time}', form)
            break
        except ValueError:
            continue
    else:
        raise ValueError(f'"{date}" and "{time}": expected a date YYYY-MM-DD and a time HH:MM')
    return (moment.replace(tzinfo=time_zone(zone)) if zone else moment).timestamp()
