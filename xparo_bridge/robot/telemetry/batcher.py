# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Collect values when they are due, into one message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from ...messages import Telemetry
from ...ros.entities import timer
from .source import Source


class Batcher:
    """
    One message a period with the values of all sources of that period.

    Periods are of the steady clock, so telemetry goes on while a simulation is paused. Where two
    sources have a key in common the later one's value is sent.
    """

    def __init__(self, node: Node, emit: Callable[[Telemetry], None]) -> None:
        """Take where messages go; `emit` must not block."""
        self._node = node
        self._emit = emit
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._batches: dict[float, tuple[Any, list[Source]]] = {}

    def add(self, source: Source, period: float) -> None:
        """Collect from a source every `period` seconds."""
        if period not in self._batches:
            sources: list[Source] = []
            made = timer(self._node, period, lambda: self._collect(sources), clock=self._clock)
            self._batches[period] = made, sources
        self._batches[period][1].append(source)

    def remove(self, source: Source) -> None:
        """Collect from a source no more."""
        for period, (ticking, sources) in list(self._batches.items()):
            if source in sources:
                sources.remove(source)
                if not sources:
                    self._node.destroy_timer(ticking)
                    del self._batches[period]

    def _collect(self, sources: list[Source]) -> None:
        values: dict[str, Any] = {}
        for source in tuple(sources):
            try:
                values.update(source.collect())
            except Exception as error:  # One group's fault must not silence the others.
                self._node.get_logger().error(
                    f'telemetry of {type(source).__module__.rpartition(".")[2]}: {error!r}',
                    throttle_duration_sec=10.0,
                )
        if values:
            self._emit(Telemetry(values))
