# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Run the telemetry, and switch what runs and at which rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
import math
from typing import Any

from rclpy.node import Node

from ...messages import Telemetry
from ...ros.every import every
from ...ros.samples import Samples, SampleThread
from ...telemetry_names import free_name
from .batcher import Batcher
from .groups import make_group
from .settings import TelemetryConfig, TopicSettings
from .source import Source, TopicSource

_GRAPH_PERIOD = 1.0
MAX_RATE = 1000.0  # Hz


@dataclass
class _Entry:
    make: Callable[[], Source]
    period: float  # s; 0 for each sample.
    every_sample: bool
    enabled: bool  # By the configuration.
    configured: Any  # All that the configuration says of it, to see whether it has changed.
    source: Source | None = field(default=None)


class TelemetryPublisher:
    """
    The robot's telemetry: groups and topics of the configuration, batched and handed to `emit`.

    `emit` is called on the ROS thread, and for topics with `every_sample` in the thread of the
    samples; it must not block. Everything here is called on the ROS thread. `start` begins with
    what the configuration enables.
    """

    def __init__(
        self,
        node: Node,
        config: TelemetryConfig,
        emit: Callable[[Telemetry], None],
        samples: Samples | None = None,
    ) -> None:
        """
        Prepare; nothing is subscribed before `start`.

        Without `samples` those of which each is sent come in a thread of their own.
        """
        self._node = node
        self._emit = emit
        self._batcher = Batcher(node, emit)
        self._samples = samples or SampleThread(node)
        self._end_looking: Callable[[], object] | None = None
        self._entries = self._read(config)
        # Called with each rate that changes, Hz.
        self.on_rate: Callable[[str, float], None] = lambda name, rate: None

    def _read(self, config: TelemetryConfig) -> dict[str, _Entry]:
        entries: dict[str, _Entry] = {}
        for name, settings in config.groups.items():
            period = settings.get('period', config.period)
            make = _group_maker(name, self._node, settings)
            configured = (settings, period)
            entries[name] = _Entry(make, period, False, settings['enabled'], configured)
        for topic in config.topics:
            period = 0.0 if topic.every_sample else config.period
            if topic.max_rate:
                period = 1 / topic.max_rate
            entries[free_name(topic.name or topic.topic, entries)] = _Entry(
                self._topic_maker(topic),
                period,
                topic.every_sample,
                topic.enabled,
                (topic, period),
            )
        return entries

    def _topic_maker(self, topic: TopicSettings) -> Callable[[], Source]:
        return lambda: TopicSource(self._node, topic, emit=self._emit, samples=self._samples)

    @property
    def names(self) -> Sequence[str]:
        """Groups and topics there are, by the names `enable` and `set_rate` take."""
        return tuple(self._entries)

    @property
    def rates(self) -> dict[str, float]:
        """Rate in Hz of each that is enabled, infinite where every sample is sent."""
        return {
            name: self.rate(name)
            for name, entry in self._entries.items()
            if entry.source is not None
        }

    def rate(self, name: str) -> float:
        """Rate in Hz of one, also while it is not enabled."""
        period = self._entry(name).period
        return 1 / period if period else math.inf

    def why(self) -> dict[str, str]:
        """Return of each group and topic how often it is sent, and what holds it, in words."""
        said = {}
        for name, entry in self._entries.items():
            if entry.source is None:
                said[name] = 'off: set_telemetry or ~/telemetry/enable switches it on'
                continue
            often = f'at most once in {entry.period:g} s' if entry.period else 'each sample'
            idle_reason = entry.source.idle_reason()
            said[name] = f'{idle_reason} ({often})' if idle_reason else f'sent, {often}'
        return said

    def start(self) -> None:
        """Begin with what the configuration enables."""
        self._end_looking = every(self._node, _GRAPH_PERIOD, self._refresh)
        for name, entry in self._entries.items():
            if entry.enabled:
                self.enable(name, True)

    def changed(self, config: TelemetryConfig) -> set[str]:
        """Names of which another configuration, of the same names, says something else."""
        new = self._read(config)
        return {
            name
            for name, entry in self._entries.items()
            if entry.configured != new[name].configured
        }

    def change(self, config: TelemetryConfig) -> Iterator[str]:
        """
        Do what another configuration says, of the same names; a step for each that has changed.

        What it says as before stays as it is, also where somebody has switched it since.
        """
        for name, entry in self._read(config).items():
            old = self._entries[name]
            if entry.configured == old.configured:
                continue
            self.enable(name, False)
            self._entries[name] = entry
            if entry.enabled:
                self.enable(name, True)
            if entry.period != old.period:
                self.on_rate(name, 1 / entry.period if entry.period else 0.0)
            yield name

    def stop(self) -> None:
        """End all subscriptions and timers."""
        if self._end_looking is not None:
            self._end_looking()
            self._end_looking = None
        for name in self._entries:
            self.enable(name, False)

    def enable(self, name: str, on: bool) -> None:
        """Switch a group or topic; KeyError names what there is."""
        entry = self._entry(name)
        if on and entry.source is None:
            entry.source = entry.make()
            entry.source.hand_over_by(self._samples, self._emit)
            entry.source.set_interval(entry.period)
            self._refresh_source(name, entry.source)
            if entry.source.batched:
                self._batcher.add(name, entry.source, entry.period)
        elif not on and entry.source is not None:
            self._batcher.remove(name)
            entry.source.close()
            entry.source = None

    def check_rate(self, name: str, rate: float) -> None:
        """Raise KeyError or ValueError if `set_rate` would."""
        if not (0 < rate <= MAX_RATE or rate == 0 and self._entry(name).every_sample):
            raise ValueError(
                f'{name}: a rate of 0 is each sample, for a topic with every_sample alone; '
                'switch it off with ~/telemetry/enable'
                if rate == 0
                else f'{name}: expected a rate above 0 and up to {MAX_RATE:g} Hz, not {rate:g} Hz'
            )

    def set_rate(self, name: str, rate: float) -> None:
        """
        Send a group or topic so many times a second.

        0 is each sample, for a topic that is configured so. KeyError, or ValueError out of range.
        """
        self.check_rate(name, rate)
        entry = self._entry(name)
        period = 1 / rate if rate else 0.0
        if period == entry.period:
            return
        entry.period = period
        if entry.source is not None:
            self._batcher.remove(name)
            entry.source.set_interval(period)
            if entry.source.batched:
                self._batcher.add(name, entry.source, period)
        self.on_rate(name, rate)

    def _entry(self, name: str) -> _Entry:
        try:
            # As a topic without a name is sent: without its slash.
            return self._entries[name if name in self._entries else f'/{name}']
        except KeyError:
            raise KeyError(
                f'no telemetry "{name}"; there are {", ".join(self._entries)}'
            ) from None

    def _refresh(self) -> None:
        for name, entry in self._entries.items():
            if entry.source is not None:
                self._refresh_source(name, entry.source)

    def _refresh_source(self, name: str, source: Source) -> None:
        try:
            source.refresh()
        except Exception as error:  # The middleware's, of one topic, which the others outlive.
            self._node.get_logger().error(
                f'telemetry of {name}: {error}', throttle_duration_sec=60.0
            )


def _group_maker(name: str, node: Node, settings: Any) -> Callable[[], Source]:
    return lambda: make_group(name, node, settings)
