# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Judge a configuration on trial: the bridge must do with it what it did before.

`Seen` is what one bridge has seen of its world; the one before leaves its own to the one after.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..telemetry_names import free_name

# The first key of each group whose values come without anybody doing anything.
_GROUP_KEYS = {
    'system': 'cpu_usage',
    'battery': 'battery_percentage',
    'pose': 'pose',
    'velocity': 'velocity',
    'diagnostics': 'diagnostics',
    'nodes': 'nodes',
}
_NAMED = 5


@dataclass
class Seen:
    """Links that are connected, ROS names that are served, telemetry keys that were sent."""

    connected: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    faults: int = 0
    storage: str = ''

    def to_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Seen:
        """Read it; what is not there was not seen."""
        return cls(**{key: part for key, part in value.items() if key in cls.__annotations__})


def missing(
    before: Seen, now: Seen, configuration: Mapping[str, Any], *, offline: bool = False
) -> Iterator[str]:
    """Say what a bridge with this configuration does not do that the one before did."""
    links = [link['name'] for link in configuration['links']]
    if not offline:
        connected = [name for name in before.connected if name in links]
        # A link of another name in its place, or no link before: any of them.
        gone = [name for name in connected if name not in now.connected]
        if gone:
            yield f'link {", ".join(gone)} is not connected'
        elif not now.connected:
            yield f'none of its links ({", ".join(links)}) is connected'
        sent = set(now.keys)
        lost = [key for key in before.keys if key in promised(configuration) and key not in sent]
        if lost:
            yield f'telemetry does not send {_some(lost)}'
        elif promised(configuration) and not sent:
            yield 'it sends no telemetry'
    for kind, was, here in (
        ('action servers', before.servers, now.servers),
        ('topics', before.topics, now.topics),
    ):
        lost = [name for name in was if name not in here]
        if lost:
            yield f'{kind} {_some(lost)} are not seen'
    if now.faults:
        yield f'{now.faults} faults of the bridge itself'
    if now.storage and not before.storage:
        yield f'its state is not kept: {now.storage}'


def promised(configuration: Mapping[str, Any], only: Container[str] | None = None) -> set[str]:
    """
    Return keys that the telemetry of a configuration sends, as far as it says so by name.

    `only` are the names of groups and topics that are asked for; all of them without it.
    """
    telemetry = configuration['telemetry']
    keys = {
        key
        for group, key in _GROUP_KEYS.items()
        if group in telemetry['groups']
        and telemetry['groups'][group].get('enabled', True)
        and (only is None or group in only)
    }
    names: set[str] = set(telemetry['groups'])
    for topic in telemetry['topics']:
        name = free_name(topic.get('name') or topic['topic'], names)
        names.add(name)
        if only is not None and name not in only:
            continue
        if topic['enabled'] and '*' not in topic['topic']:
            fields = topic.get('fields')
            if topic.get('name'):
                keys.add(topic['name'])
            elif isinstance(fields, str):
                keys.add(fields)
            else:
                keys |= set(fields) if fields else {topic['topic'].lstrip('/')}
    return keys


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ', '.join(names[:_NAMED]) + (f' and {more} more' if more > 0 else '')
