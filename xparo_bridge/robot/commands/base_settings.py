# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads the section `base`: where the base listens and how it is known to stand.

Commands had settings of their own for this (`topic`, `stamped`, `frame`, `velocity_topic`). They
are still obeyed, with a warning that says where they are now: they fill in what `base` does not
say, and a topic that differs from `base.topic` is one more that is told to stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...configuration import Configuration

DEFAULT_TOPIC = 'cmd_vel'
# By kind: settings that have moved to `base`, and the key that they are now.
MOVED = {
    'teleop': {'topic': 'topic', 'stamped': 'message', 'frame': 'frame'},
    'stop': {'velocity_topic': 'topic', 'stamped': 'message'},
}


@dataclass(frozen=True)
class TopicSettings:
    """Where velocities go: `message` is auto, Twist or TwistStamped, `frame` TwistStamped's."""

    message: str
    frame: str


@dataclass(frozen=True)
class BaseSettings:
    """
    The robot's base.

    `topic` is None for a base that stands by itself, `topics` are all that are published. `drives`
    says on which of them a teleop command drives, by the command's name.
    """

    topic: str | None
    topics: Mapping[str, TopicSettings]
    drives: Mapping[str, str]
    odom_topic: str | None
    stand_for: float
    standing_below: Mapping[str, float]
    warnings: tuple[str, ...]


def base_settings(configuration: Configuration) -> BaseSettings:
    """Read the section, and the settings of commands that have moved there."""
    section: dict[str, Any] = dict(configuration['base'])
    moved = list(_moved(configuration))
    explicit = {key for key in section if ('base', key) in configuration.layers.lines}
    for key in ('topic', 'message', 'frame'):
        values = [new[key] for _, new in moved if key in new]
        if values and key not in explicit:
            section[key] = values[0]
            if key == 'message' and len(set(values)) > 1:
                section[key] = 'auto'
    topics: dict[str, TopicSettings] = {}
    if section['topic'] is not None:
        topics[section['topic']] = TopicSettings(section['message'], section['frame'])
    drives = {}
    for name, new in moved:
        topic = new.get('topic', section['topic'])
        if configuration['commands'][name]['kind'] == 'teleop':
            topic = drives[name] = topic or DEFAULT_TOPIC
        if topic is not None and topic not in topics:
            topics[topic] = TopicSettings(
                new.get('message', section['message']), new.get('frame', section['frame'])
            )
    return BaseSettings(
        topic=section['topic'],
        topics=topics,
        drives=drives,
        odom_topic=section['odom_topic'],
        stand_for=section['stand_for'],
        standing_below=section['standing_below'],
        warnings=tuple(_warnings(configuration)),
    )


def _old_keys(configuration: Configuration) -> Iterator[tuple[str, str, str, Any]]:
    """Yield command, old key, new key and value of each setting that has moved."""
    for name, settings in configuration['commands'].items():
        for old, new in MOVED.get(settings['kind'], {}).items():
            value = settings.get(old)
            # Of another type is its kind's to refuse.
            if isinstance(value, bool if old == 'stamped' else str) or (
                old == 'velocity_topic' and old in settings and value is None
            ):
                yield name, old, new, value


def _moved(configuration: Configuration) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each command that concerns the base, with what it says by the new keys."""
    found: dict[str, dict[str, Any]] = {
        name: {}
        for name, settings in configuration['commands'].items()
        if settings['kind'] in MOVED
    }
    for name, old, new, value in _old_keys(configuration):
        if old == 'stamped':
            value = 'TwistStamped' if value else 'Twist'
        found[name][new] = value
    yield from found.items()


def _warnings(configuration: Configuration) -> Iterator[str]:
    for name, old, new, _ in _old_keys(configuration):
        yield configuration.problem(
            ('commands', name, old),
            f'this is now base.{new}, for all commands; here it still works',
        )
