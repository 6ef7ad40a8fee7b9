# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say in words what a change of the configuration does to what a robot may and does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..rollout.folder import Launch
from ..rollout.launching import remappings
from ..rollout.live import needs_restart
from ..rollout.rendering import scalar
from .estimate import bytes_a_second

Data = Mapping[str, Any]
# Settings of commands that say how fast, how often or how long; with their units.
_LIMITS = {
    'max_linear': 'm/s',
    'max_lateral': 'm/s',
    'max_angular': 'rad/s',
    'max_acceleration': 'm/s²',
    'deadman': 's',
    'timeout': 's',
    'max_rate': 'Hz',
    'motion': '',
    'concurrency': '',
}
_LINK = {
    'url': 'dials',
    'protocol': 'speaks',
    'allow_insecure': 'allow_insecure',
    'ca_file': 'trusts',
    'proxy': 'goes by proxy',
    'credentials_file': 'takes its credentials from',
}
# Changes that leave behind what is kept on disk.
_KEPT = 'state_dir'


def powers(before: Data, after: Data) -> Iterator[str]:
    """Say what a robot gains and loses from one configuration to the other."""
    yield from _commands(before['commands'], after['commands'])
    yield from _links(before, after)
    for key, name in (('base', 'the base'), ('link_loss', 'when no platform is there')):
        for setting in sorted(before[key].keys() | after[key].keys()):
            was, now = before[key].get(setting), after[key].get(setting)
            if was != now:
                yield f'{name}: {setting} {_value(was)} → {_value(now)}'
    was, now = bytes_a_second(before), bytes_a_second(after)
    if was != now:
        yield f'telemetry: about {was:.0f} → {now:.0f} bytes/s to each link'
    if before.get(_KEPT) != after.get(_KEPT):
        yield (
            f'{_KEPT}: {_value(before.get(_KEPT))} → {_value(after.get(_KEPT))}: journal and '
            'outbox of before stay behind'
        )


def launched(before: Launch, after: Launch) -> Iterator[str]:
    """Say what the names of a robot in ROS, and its clock, become."""
    if before.namespace != after.namespace:
        yield (
            f'namespace /{before.namespace} → /{after.namespace}: its topics, services and '
            'actions have other names'
        )
    was, now = dict(remappings(before)), dict(remappings(after))
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) == now.get(name):
            continue
        if name not in now:
            yield f'no longer remaps {name} to {was[name]}'
        else:
            yield f'remaps {name} to {now[name]}' + (f', not {was[name]}' if name in was else '')
    if before.use_sim_time != after.use_sim_time:
        yield f'takes its time from {"/clock" if after.use_sim_time else "the clock of the robot"}'


def files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """Say which files that travel with a configuration come, go and change, such as trees."""
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield f'gains the file {path}'
        elif path not in after:
            yield f'loses the file {path}'
        elif before[path] != after[path]:
            yield f'the file {path} changes'


def taken(before: Data, after: Data, beside: Sequence[str] = ()) -> str:
    """Say how a bridge takes a change; `beside` is what differs beside its configuration."""
    if why := [*needs_restart(before, after), *beside]:
        return f'the bridge starts itself anew for {", ".join(why)}: about 2 s without a link'
    return 'the bridge takes it without starting itself anew'


def _commands(before: Data, after: Data) -> Iterator[str]:
    for name in sorted(after.keys() - before.keys()):
        entry = after[name]
        moves = ', moves the robot' if _moves(entry) else ''
        yield f'gains the command {name} (kind {entry["kind"]}{moves}{_what(entry)})'
    for name in sorted(before.keys() - after.keys()):
        yield f'loses the command {name} (kind {before[name]["kind"]})'
    for name in sorted(before.keys() & after.keys()):
        yield from _command(name, before[name], after[name])


def _command(name: str, was: Data, now: Data) -> Iterator[str]:
    if was == now:
        return
    said = False
    for key in sorted({*was, *now} - {'description'}):
        old, new = was.get(key), now.get(key)
        if old == new:
            continue
        said = True
        unit = f' {_LIMITS[key]}' if _LIMITS.get(key) else ''
        if key in _LIMITS or not isinstance(old if old is not None else new, dict | list):
            yield f'command {name}: {key} {_value(old)} → {_value(new)}{unit}'
        else:
            yield f'command {name}: {key} changes'
    if not said:
        yield f'command {name}: its description changes'


def _moves(entry: Data) -> bool:
    return bool(
        entry.get('motion', entry['kind'] in ('navigate', 'teleop', 'dock', 'undock', 'run_tree'))
    )


def _what(entry: Data) -> str:
    for key in ('action', 'service', 'topic'):
        if isinstance(entry.get(key), str):
            return f', {key} {entry[key]}'
    return ''


def _links(before: Data, after: Data) -> Iterator[str]:
    was, now = ({link['name']: link for link in data['links']} for data in (before, after))
    for name in sorted(now.keys() - was.keys()):
        yield f'gains the link {name}: {now[name]["protocol"]} to {now[name]["url"]}'
    for name in sorted(was.keys() - now.keys()):
        yield f'loses the link {name}: {was[name]["protocol"]} to {was[name]["url"]}'
    for name in sorted(was.keys() & now.keys()):
        for key in sorted(was[name].keys() | now[name].keys()):
            old, new = was[name].get(key), now[name].get(key)
            if old != new:
                yield f'link {name} {_LINK.get(key, key)}: {_value(old)} → {_value(new)}'
    old, new = _may_command(before), _may_command(after)
    for name in sorted(new - old):
        yield f'link {name} may command the robot'
    for name in sorted(old - new):
        yield f'link {name} may no longer command the robot'


def _may_command(data: Data) -> set[str]:
    return set(data['routes'].get('commands', [link['name'] for link in data['links']]))


def _value(value: Any) -> str:
    return 'nothing' if value is None else scalar(value)
