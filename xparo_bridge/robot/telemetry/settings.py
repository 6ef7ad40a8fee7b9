# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read what is configured of telemetry, beyond what config/schema.json has checked already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...configuration import Configuration, ConfigurationError, KeyPath
from ...errors import BadInput
from ...ros.fields import check_path, load_type, UnknownType
from ...ros.paths import parse_path, Path, PathError
from .change import Threshold
from .group_keys import keys_of

Fields = tuple[tuple[str, Path], ...]
Settings = Mapping[str, Any]


class SettingError(BadInput, ValueError):
    """A setting that cannot work: the keys that lead to it from its topic, and why."""

    def __init__(self, path: KeyPath, text: str) -> None:
        super().__init__(text)
        self.path = path


def parse_fields(value: Any) -> Fields:
    """Named paths of a mapping `name: path`, a list of paths that are their own names, or one."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Mapping):
        value = {path: path for path in value}
    fields = []
    for name, path in value.items():
        try:
            fields.append((str(name), parse_path(path)))
        except PathError as error:
            raise SettingError(('fields', name), str(error)) from None
    return tuple(fields)


@dataclass(frozen=True)
class TopicSettings:
    """
    What is wanted of a topic; an entry of `telemetry.topics`.

    The values go under `name`; without one the fields' own names are the keys, and a whole
    message's or a pattern's key is the topic without its leading slash.
    """

    topic: str
    type: str = ''
    fields: Fields = ()
    name: str = ''
    max_rate: float | None = None  # Hz; without it the common period counts.
    on_change: Threshold | None = None
    min_rate: float = 0.0  # Hz at which even an unchanged value is repeated.
    every_sample: bool = False
    enabled: bool = True
    expected: bool = True  # Whether it is a problem when nobody publishes it.
    seldom: bool = False  # Published only while something happens.

    @classmethod
    def from_mapping(cls, entry: Settings) -> TopicSettings:
        """Settings of an entry that fits the schema; SettingError if it cannot work."""
        made = cls(
            **{
                **entry,
                'fields': parse_fields(entry.get('fields', ())),
                'on_change': Threshold.parse(entry.get('on_change', False)),
            }
        )
        if made.is_pattern and made.name:
            raise SettingError(('name',), "a pattern's values go under the names of its topics")
        if made.type:
            made._check_type()
        return made

    def _check_type(self) -> None:
        try:
            cls = load_type(self.type, 'msg')
        except UnknownType as error:
            raise SettingError(('type',), str(error)) from None
        for name, path in self.fields:
            try:
                check_path(path, cls)
            except PathError as error:
                raise SettingError(('fields', name), str(error)) from None

    @property
    def is_pattern(self) -> bool:
        """Whether it names any topic of a form."""
        return '*' in self.topic

    @property
    def depth(self) -> int:
        """How many samples may wait: one where only the newest is wanted, of one publisher."""
        return 500 if self.every_sample else 100 if self.selects else 1

    @property
    def selects(self) -> bool:
        """Whether a field is chosen by a name, which not every message need have."""
        return any(path.selects for _, path in self.fields)


def _collisions(
    topics: Sequence[TopicSettings], groups: Mapping[str, Settings]
) -> Iterator[tuple[int, str]]:
    """Which topics would be sent under the key of another or a group, so that one is lost."""
    owners = {
        key: f'the group {group}'
        for group, settings in groups.items()
        if settings['enabled']
        for key in keys_of(group, settings)
    }
    for index, topic in enumerate(topics):
        if topic.is_pattern or not topic.enabled:
            continue
        keys = [topic.name] if topic.name else [name for name, _ in topic.fields]
        for key in keys or [topic.topic.lstrip('/')]:
            if key in owners:
                yield (
                    index,
                    f'"{key}" of {topic.topic} is sent under the same key as that of '
                    f'{owners[key]}; give {_whom(owners[key])} a name',
                )
            owners.setdefault(key, topic.topic)


def _whom(owner: str) -> str:
    return 'the topic' if owner.startswith('the group ') else 'one of them'


@dataclass(frozen=True)
class TelemetryConfig:
    """The section `telemetry` of the configuration; `period` in s, `groups` as it has them."""

    period: float
    groups: Mapping[str, Settings]
    topics: tuple[TopicSettings, ...]

    @classmethod
    def of(cls, configuration: Configuration) -> TelemetryConfig:
        """Settings of a configuration; ConfigurationError says where one cannot work, and why."""
        section = configuration['telemetry']
        topics, problems = [], []
        for index, entry in enumerate(section['topics']):
            try:
                topics.append(TopicSettings.from_mapping(entry))
            except SettingError as error:
                problems.append(
                    configuration.problem(('telemetry', 'topics', index, *error.path), str(error))
                )
        problems += [
            configuration.problem(('telemetry', 'topics', index, 'topic'), text)
            for index, text in _collisions(topics, section['groups'])
        ]
        if problems:
            raise ConfigurationError(problems)
        return cls(section['period'], section['groups'], tuple(topics))

    @classmethod
    def names_of(cls, configuration: Configuration) -> TelemetryConfig:
        """Settings without what can be wrong, for the names of groups and topics."""
        section = configuration['telemetry']
        topics = (
            TopicSettings(entry['topic'], name=entry.get('name', ''), enabled=False)
            for entry in section['topics']
        )
        return cls(section['period'], section['groups'], tuple(topics))
