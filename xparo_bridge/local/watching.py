# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator who watches is sent: which events, how often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import json
from typing import Any

from .platform_store import Entry, EventLog

MOST_PERIOD = 5.0  # s
_BATCH = 1 << 20  # characters of events in one message
FILTERS = ('robots', 'events', 'types', 'not_types', 'without', 'period')


class Watch:
    """
    One operator's watch, by the keys of the verb `watch`.

    :raises ValueError: for a filter of another type
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        for key in FILTERS[:-1]:
            value = request.get(key)
            if value is not None and not (
                isinstance(value, list) and all(isinstance(item, str) for item in value)
            ):
                raise ValueError(f'"{key}" is no list of strings')
        self._filters = {
            field: frozenset(request[key])
            for key, field in (('robots', 'robot'), ('events', 'event'), ('types', 'type'))
            if request.get(key) is not None
        }
        self._unwanted = frozenset(request.get('not_types') or ())
        self._without = frozenset(request.get('without') or ())
        period = request.get('period', 0.0)
        if isinstance(period, bool) or not isinstance(period, (int, float)) or not period >= 0:
            raise ValueError('"period" is no number of seconds')
        self._period = min(float(period), MOST_PERIOD)

    async def run(self, events: EventLog, seq: int, socket: Any) -> None:
        """Send what there is after number seq, and what comes, until cancelled."""
        while True:
            await events.wait(seq)
            if self._period:
                await asyncio.sleep(self._period)
            batch: list[str] = []
            size = 0
            for entry in events.entries(seq):
                text = self._text(entry)
                seq = entry[0]['seq']
                if text is None:
                    continue
                if not self._period:
                    await socket.send(f'{{"event": {text}}}')
                    continue
                batch.append(text)
                size += len(text)
                if size > _BATCH:
                    await socket.send(f'{{"events": [{", ".join(batch)}]}}')
                    batch, size = [], 0
            if batch:
                await socket.send(f'{{"events": [{", ".join(batch)}]}}')

    def _text(self, entry: Entry) -> str | None:
        """Return the JSON of an event, None for one that is not watched."""
        event, text = entry
        if event['event'] == 'gap':
            return text
        for field, allowed in self._filters.items():
            if field in event and event[field] not in allowed:
                return None
            if field == 'type' and field not in event and event['event'] == 'received':
                return None
        kind = event.get('type')
        if kind in self._unwanted:
            return None
        if self._without and kind == 'telemetry' and not self._without.isdisjoint(event['data']):
            data = {key: value for key, value in event['data'].items() if key not in self._without}
            return json.dumps({**event, 'data': data}) if data else None
        return text
