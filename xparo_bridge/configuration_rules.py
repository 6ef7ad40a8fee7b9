# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a configuration must hold beyond what its schema can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any
from urllib.parse import urlsplit

from .angles import degrees_problem
from .yaml_layers import KeyPath

# ROS: https://design.ros2.org/articles/topic_and_service_names.html
_WORD = re.compile(r'[A-Za-z_{][\w{}]*', re.ASCII)
_LONGEST_NAME = 200
_NAMES = {'topic', 'service', 'action', 'node', 'odom_topic', 'goal_topic'}
_LISTS = {'topics', 'services', 'actions', 'nodes', 'lifecycle'}
# No launch file reads these files.
_SUBSTITUTION = re.compile(r'\$\(')
_VARIABLE = re.compile(r'\$(\w+|[({].*?[)}])')


def problems(data: Mapping[str, Any], *, on_robot: bool = True) -> Iterator[tuple[KeyPath, str]]:
    """
    Say what is wrong with a tree that has passed its schema, each with its path.

    `on_robot` is whether the folders that it names are to be on this machine.
    """
    yield from _ros_names(data)
    yield from _twice(data)
    yield from _addresses(data)
    if re.search(r'[\0-\x1f\x7f]', data.get('robot_id') or ''):
        yield ('robot_id',), 'a name has no line breaks or other control characters'
    for name, place in data['places'].items():
        if problem := degrees_problem(place['yaw']):
            yield ('places', name, 'yaw'), problem
    if data['schedule']['time_zone']:
        # Only here: few robots need the database of time zones.
        from .time_zones import time_zone

        try:
            time_zone(data['schedule']['time_zone'])
        except ValueError as error:
            yield ('schedule', 'time_zone'), str(error)
    folder = data['trees']['folder']
    if folder and on_robot and not Path(folder).is_dir():
        yield ('trees', 'folder'), f'no folder {folder}'


def path_problem(path: str) -> str:
    """Say why a path cannot be meant as it stands; empty if it can."""
    found = _VARIABLE.search(path)
    if found:
        return (
            f'{found[0]} is not replaced here; write ~ for the home of the user, or the whole path'
        )
    return 'a path has no such character as \\0' if '\0' in path else ''


def _ros_names(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    for path, name in _names(data):
        # A pattern of the telemetry stands for names that ROS allows.
        text = ros_name_problem(name.replace('*', 'x') if path[:2] == _TOPICS else name)
        if text:
            yield path, text


_TOPICS = ('telemetry', 'topics')


def _is_ros_name(name: str) -> bool:
    words = name.removeprefix('/').split('/')
    if words[0] == '~' and not name.startswith('/'):
        del words[0]
    return all(map(_WORD.fullmatch, words)) and '__' not in name


def ros_name_problem(name: str) -> str:
    """Say why ROS does not allow a name of a topic, service, action or node; empty if it does."""
    if _is_ros_name(name) and len(name) <= _LONGEST_NAME:
        return ''
    better = re.sub(r'_+', '_', re.sub(r'[^\w/~{}]', '_', name, flags=re.ASCII))
    better = re.sub(r'/+', '/', re.sub(r'(^|/)(?=\d)', r'\1_', better)).rstrip('/')
    hint = f'; did you mean "{better}"?' if better != name and _is_ros_name(better) else ''
    return (
        f'ROS does not allow the name "{name[:_LONGEST_NAME]}": letters, digits and single '
        f'underscores, in words between slashes that begin with no digit{hint}'
    )


def _names(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """All that names something of the ROS graph."""
    for command, settings in data['commands'].items():
        yield from _named(settings, ('commands', command))
        allowed = settings.get('allowed')
        if isinstance(allowed, Mapping):
            for key, entry in allowed.items():
                yield from _named(entry, ('commands', command, 'allowed', key))
    telemetry = data['telemetry']
    for group, settings in telemetry['groups'].items():
        yield from _named(settings, ('telemetry', 'groups', group))
    for index, settings in enumerate(telemetry['topics']):
        yield from _named(settings, ('telemetry', 'topics', index))
    yield from _named(data['base'], ('base',))
    yield from _named(data['trees'], ('trees',), lists=False)
    for key, settings in data['project']['parameters'].items():
        yield from _named(settings, ('project', 'parameters', key))


def _named(settings: Any, at: KeyPath, *, lists: bool = True) -> Iterator[tuple[KeyPath, str]]:
    if not isinstance(settings, Mapping):
        return
    for key, value in settings.items():
        if key in _NAMES and isinstance(value, str) and value:
            yield (*at, key), value
        elif lists and key in _NAMES | _LISTS and isinstance(value, list):
            yield from (((*at, key, i), name) for i, name in enumerate(value) if type(name) is str)


def _twice(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    seen: set[str] = set()
    for index, link in enumerate(data['links']):
        if link['name'] in seen:
            yield ('links', index, 'name'), f'a link before it has the name "{link["name"]}" too'
        seen.add(link['name'])
    keys: dict[str, str] = {}
    for index, topic in enumerate(data['telemetry']['topics']):
        if '*' in topic['topic']:
            continue
        for key in _keys(topic):
            if key in keys:
                yield (
                    ('telemetry', 'topics', index),
                    f'topic {keys[key]} before it sends the key "{key}" too; give one of them '
                    'another name',
                )
            keys.setdefault(key, topic['topic'])


def _keys(topic: Mapping[str, Any]) -> set[str]:
    """Telemetry keys of a topic: its name, or the names of its fields, or its own."""
    if topic.get('name'):
        return {topic['name']}
    fields = topic.get('fields')
    if isinstance(fields, str):
        return {fields}
    return set(fields) if fields else {topic['topic'].removeprefix('/')}


def _addresses(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    for index, link in enumerate(data['links']):
        urls: dict[KeyPath, Any] = {('url',): link['url'], ('proxy',): link['proxy']}
        urls |= {('failover_urls', i): url for i, url in enumerate(link['failover_urls'])}
        if link['rest']:
            urls['rest', 'url'] = link['rest']['url']
        for path, url in urls.items():
            text = _address_problem(url) if isinstance(url, str) and '://' in url else ''
            if text:
                yield ('links', index, *path), text


def _address_problem(url: str) -> str:
    """Say why nothing can be reached at an address; empty if there may be something."""
    if _SUBSTITUTION.search(url):
        return (
            'substitutions of launch files are not known in these; write the address itself, or '
            '${NAME} for a value of vars:'
        )
    if re.search(r'[\s\0-\x1f]', url):
        return 'an address has no spaces; write %20 for one in its path'
    scheme, _, rest = url.partition('://')
    place = re.split('[/?#]', rest, maxsplit=1)[0]
    if '@' in place:
        return (
            'secrets do not stand in configuration files; put them into the environment '
            f'(XPARO_SECRET_KEY) or a credentials_file, and write {scheme}://'
            f'{place.rpartition("@")[2]} here'
        )
    if place.count(':') > 1 and '[' not in place:
        return f'write an IPv6 address in brackets, such as {scheme}://[::1]:8765'
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # It says what, such as that a port is out of range.
        return f'no address: {error}'
    if not host or port == 0:
        return f'no {"port" if host else "host"} is named'
    return 'nothing behind # is sent; remove it' if parts.fragment else ''
