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
Found = list[tuple[KeyPath, str]]
Settings = Mapping[str, Any]


class SettingError(BadInput, ValueError):
    """Settings that cannot work: the keys that lead to each from its topic, and why."""

    def __init__(self, found: Sequence[tuple[KeyPath, str]]) -> None:
        super().__init__('; '.join(text for _, text in found))
        self.found = tuple(found)


def parse_fields(value: Any) -> Fields:
    """
    Return the named paths of a mapping `name: path`, of a list of paths that are their own names.

    :raises SettingError: with all that are none.
    """
    fields, wrong = _parsed(value)
    if wrong:
        raise SettingError(wrong)
    return fields


def _parsed(value: Any) -> tuple[Fields, Found]:
    """Return the named paths that are right, and what is wrong with the others."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Mapping):
        value = {path: path for path in value}
    fields: list[tuple[str, Path]] = []
    wrong: Found = []
    for name, path in value.items():
        try:
            fields.append((str(name), parse_path(path)))
        except PathError as error:
            wrong.append((('fields', name), str(error)))
    return tuple(fields), wrong


@dataclass(frozen=True)
class TopicSettings:
    """
    What is sent of a topic; an entry of `telemetry.topics`.

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
        """Settings of an entry that fits the schema; SettingError with all that cannot work."""
        fields, wrong = _parsed(entry.get('fields', ()))
        made = cls(
            **{
                **entry,
                'fields': fields,
                'on_change': Threshold.parse(entry.get('on_change', False)),
            }
        )
        if made.is_pattern and made.name:
            wrong.append((('name',), "a pattern's values go under the names of its topics"))
        wrong += made._wrong_of_type() if made.type else []
        if wrong:
            raise SettingError(wrong)
        return made

    def _wrong_of_type(self) -> Found:
        try:
            cls = load_type(self.type, 'msg')
        except UnknownType as error:
            return [(('type',), str(error))]
        wrong: Found = []
        for name, path in self.fields:
            try:
                check_path(path, cls)
            except PathError as error:
                wrong.append((('fields', name), str(error)))
        return wrong

    @property
    def is_pattern(self) -> bool:
        """Whether it names any topic of a form."""
        return '*' in self.topic

    @property
    def depth(self) -> int:
        """How many samples may wait: one where only the newest is sent, of one publisher."""
        return 500 if self.every_sample else 100 if self.selects else 1

    @property
    def selects(self) -> bool:
        """Whether a field is chosen by a name, which not every message need have."""
        return any(path.selects for _, path in self.fields)


def _collisions(
    topics: Sequence[TopicSettings], groups: Mapping[str, Settings]
) -> Iterator[tuple[int, str]]:
    """
    Which topics would be sent under the key of a group, so that one is lost.

    Two topics of one key are refused by the rules of the configuration.
    """
    owners = {
        key: group
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
                    f'"{key}" of {topic.topic} is sent under the same key as that of the group '
                    f'{owners[key]}; give the topic a name',
                )


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
                problems += [
                    configuration.problem(('telemetry', 'topics', index, *path), text)
                    for path, text in error.found
                ]
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
