# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Collect values when they are due, into one message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from ...messages import Telemetry
from ...ros.every import every
from ...ros.problems import Problems
from .source import Source


class Batcher:
    """
    One message a period with the values of all sources of that period.

    Periods are of the steady clock, so telemetry goes on while a simulation is paused. Where two
    sources have a key in common the later one's value is sent, and that is a problem of the node.
    """

    def __init__(self, node: Node, emit: Callable[[Telemetry], None]) -> None:
        """Take where messages go; `emit` must not block."""
        self._node = node
        self._emit = emit
        self._batches: dict[float, tuple[Callable[[], object], dict[str, Source]]] = {}
        self._problems = Problems.of(node)
        # Whose each key is: the name of the source that sent it first.
        self._owners: dict[str, str] = {}

    def add(self, name: str, source: Source, period: float) -> None:
        """Collect from a source every `period` seconds; `name` is what people call it."""
        if period not in self._batches:
            sources: dict[str, Source] = {}
            end = every(self._node, period, lambda: self._collect(sources))
            self._batches[period] = end, sources
        self._batches[period][1][name] = source

    def remove(self, name: str) -> None:
        """Collect from a source no more."""
        for key in self._owners:
            self._problems.forget(f'telemetry key {key}')
        self._owners.clear()  # What two others both send is found again at the next period.
        for period, (end, sources) in list(self._batches.items()):
            if sources.pop(name, None) is not None and not sources:
                end()
                del self._batches[period]

    def _collect(self, sources: dict[str, Source]) -> None:
        values: dict[str, Any] = {}
        for name, source in tuple(sources.items()):
            try:
                collected = source.collect()
            except Exception as error:  # One group's fault must not silence the others.
                self._node.get_logger().error(
                    f'telemetry of {name}: {error!r}', throttle_duration_sec=10.0
                )
                continue
            values.update(collected)
            for key in collected:
                owner = self._owners.setdefault(key, name)
                if owner != name:
                    self._problems.report(
                        f'telemetry key {key}',
                        f'{owner} and {name} both send it, and each hides the other; give the '
                        'topic another `name`',
                    )
        if values:
            self._emit(Telemetry(values))
