# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can be configured of telemetry, and how is it checked (docs/configuration.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .change import Threshold
from .fields import check_path, load_type, UnknownType
from .options import build, ConfigProblem, Key, setting
from .paths import parse_path, Path, PathError

Fields = tuple[tuple[str, Path], ...]


def parse_fields(value: Any) -> Fields:
    """Named paths of a mapping `name: path`, or of a list of paths that are their own names."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, (list, tuple)):
        value = {str(path): path for path in value}
    if not isinstance(value, Mapping):
        raise ValueError('a mapping of names to paths, or a list of paths, is due')
    fields = []
    for name, path in value.items():
        try:
            fields.append((str(name), parse_path(str(path))))
        except PathError as error:
            raise ConfigProblem([name], str(error)) from None
    return tuple(fields)


@dataclass(frozen=True)
class TopicSettings:
    """
    One entry of `telemetry.topics`.

    The values go under `name`; without one the fields' own names are the keys, and a whole
    message's or a pattern's key is the topic without its leading slash.
    """

    topic: str
    type: str = ''
    fields: Fields = setting((), convert=parse_fields)
    name: str = ''
    max_rate: float | None = setting(None, above=0)  # Hz; without it the common period counts.
    on_change: Threshold | None = setting(None, convert=Threshold.parse)
    min_rate: float = setting(0.0, least=0)  # Hz at which even an unchanged value is repeated.
    every_sample: bool = False
    enabled: bool = True

    @property
    def is_pattern(self) -> bool:
        """Whether it names any topic of a form."""
        return '*' in self.topic

    @property
    def depth(self) -> int:
        """How many samples may wait: one where only the newest is wanted."""
        return 500 if self.every_sample else 1

    def check(self, path: list[Key]) -> None:
        """ConfigProblem where the settings do not fit one another or the type."""
        if not self.topic.strip('*/ '):
            raise ConfigProblem(
                [*path, 'topic'], 'a topic or a pattern such as /robot_*/odom is due')
        if self.is_pattern and self.name:
            raise ConfigProblem(
                [*path, 'name'], "a pattern's values go under the names of its topics")
        if not self.type:
            return
        try:
            cls = load_type(self.type)
        except UnknownType as error:
            raise ConfigProblem([*path, 'type'], str(error)) from None
        for name, field_path in self.fields:
            try:
                check_path(field_path, cls)
            except PathError as error:
                raise ConfigProblem([*path, 'fields', name], str(error)) from None


@dataclass(frozen=True)
class GroupSettings:
    """What every built-in group has; `period` in seconds, the common one if not given."""

    period: float | None = setting(None, above=0)
    enabled: bool = True


@dataclass(frozen=True)
class TelemetryConfig:
    """The section `telemetry` of the configuration."""

    period: float = setting(1.0, above=0)
    groups: Mapping[str, GroupSettings] = field(default_factory=dict)
    topics: tuple[TopicSettings, ...] = ()

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any] | None,
                     path: tuple[Key, ...] = ('telemetry',)) -> TelemetryConfig:
        """
        Checked settings of the mapping at `path`; ConfigProblem says where and what.

        Without `groups` the platform's own three values, group `system`, are sent.
        """
        from .groups import GROUPS
        if mapping is not None and not isinstance(mapping, Mapping):
            raise ConfigProblem(path, 'a mapping is due')
        rest = dict(mapping or {})
        groups = rest.pop('groups', {'system': {}})
        topics = rest.pop('topics', [])
        for key in rest:
            if key != 'period':
                raise ConfigProblem(
                    [*path, key], 'no such setting; there are period, groups, topics')
        if not isinstance(groups, Mapping):
            raise ConfigProblem([*path, 'groups'], 'a mapping of group names is due')
        if not isinstance(topics, (list, tuple)):
            raise ConfigProblem([*path, 'topics'], 'a list is due')
        made = {}
        for name, options in groups.items():
            where = [*path, 'groups', name]
            if name not in GROUPS:
                raise ConfigProblem(where, f'no such group; there are {", ".join(GROUPS)}')
            made[name] = build(GROUPS[name].Settings, options, where)
        checked = []
        for index, options in enumerate(topics):
            where = [*path, 'topics', index]
            topic = build(TopicSettings, options, where)
            topic.check(where)
            checked.append(topic)
        period = build(_Period, rest, path).period
        return cls(period, made, tuple(checked))


@dataclass(frozen=True)
class _Period:
    period: float = setting(1.0, above=0)
