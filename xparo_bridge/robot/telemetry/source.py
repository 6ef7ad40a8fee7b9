# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What telemetry collects from: the interface of a group, and a topic as the plainest one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import re
import struct
from time import monotonic
from typing import Any

from rclpy.node import Node

from ...messages import Telemetry
from ...ros import presence
from ...ros.conventions import make_true_reader
from ...ros.fields import type_name
from ...ros.paths import Index, Path
from ...ros.problems import Problems
from ...ros.reader import Reader
from ...ros.samples import Samples
from ...ros.subscription import Rounds, TopicSubscription
from ...ros.values import Missing
from .settings import TopicSettings

# Anybody may make ever new topics, and each that fits a pattern costs a subscription.
_MOST_TOPICS = 500
# A topic is alive if a message has come within so long, s; else what it said is not repeated.
_ALIVE = 10.0
_QUIET = 2.0  # s without news, after which it is worth a reason
_REASONS = 5  # topics of one pattern of which it is said why they are not sent

_NO_ELEMENT = 'the messages have no such element; fewer are in the array, or it is empty'

Values = dict[str, Any]
Transform = Callable[[Values], Values]


class LeftOut(ValueError):
    """A message is not shown: why, as `left out: …` is said of it."""


class Source:
    """
    Something that has values once a period.

    `refresh` is called about once a second to look at the graph, `collect` once a period, both on
    the ROS thread, where neither may block. After `close` a source is not used again. One that is
    not `batched` is never collected from; an interval may change that.
    """

    batched = True

    def collect(self) -> Mapping[str, Any]:
        """Values that are due now, none if nothing is."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Follow changes of the graph."""

    def hand_over_by(self, samples: Samples, emit: Callable[[Telemetry], None]) -> None:
        """Learn how values are sent that are not collected; called before anything else."""

    def set_interval(self, interval: float) -> None:
        """Learn that it is collected from every so many seconds; 0 is each sample."""

    def idle_reason(self) -> str:
        """Why nothing of it is sent at present, as far as it knows; empty if it is sent."""
        return ''

    def close(self) -> None:
        """Let go of what it holds."""


class TopicSource(Source):
    """
    Fields of a topic, or of each topic of a pattern.

    In a pattern `*` is any text within one part of a name, `**` any parts. A sample is read only
    when it is collected; with `every_sample` each is handed to `emit` as it comes, in the thread
    of `samples`.
    """

    def __init__(
        self,
        node: Node,
        settings: TopicSettings,
        transform: Transform | None = None,
        emit: Callable[[Telemetry], None] = lambda telemetry: None,
        samples: Samples | None = None,
    ) -> None:
        """
        Take what makes other values of those of a sample before they are compared, if any.

        It may raise LeftOut.
        """
        self._node = node
        self._settings = settings
        self._emit = emit
        self._samples = samples
        self._transform = transform
        self.batched = not settings.every_sample
        self._interval = 0.0
        self._streams: dict[str, _Stream] = {}
        self._left: Values = {}  # of topics that were closed since
        self._rounds = Rounds()
        self._problems = Problems.of(node)
        self._found_at = monotonic()
        self._pattern: re.Pattern[str] | None = None
        if settings.is_pattern:
            self._pattern = topic_pattern(settings.topic)
        else:
            self._add(node.resolve_topic_name(settings.topic))

    def _add(self, topic: str) -> None:
        self._streams[topic] = _Stream(
            self._node, topic, self._settings, self._emit, self._transform, self._samples
        )
        self._streams[topic].interval = self._interval

    def refresh(self) -> None:
        if self._pattern is not None:
            self._look_for_topics(self._pattern)
        for subscription in self._rounds.next_of_round(
            stream.subscription for stream in self._streams.values()
        ):
            subscription.refresh()
            if self._pattern is not None and not subscription.publishers:
                self._end(self._streams.pop(subscription.topic))

    def _end(self, stream: _Stream) -> None:
        """Close a topic that nobody publishes any more; what came before is sent with the rest."""
        try:
            if self.batched:
                self._left.update(stream.collect())
        finally:
            stream.close()

    def _look_for_topics(self, pattern: re.Pattern[str]) -> None:
        for topic, _ in self._node.get_topic_names_and_types():
            if topic not in self._streams and pattern.fullmatch(topic):
                if len(self._streams) >= _MOST_TOPICS:
                    self._problems.report(
                        f'telemetry {self._settings.topic}',
                        f'more than {_MOST_TOPICS} topics have such a name; others are left out',
                    )
                    break
                self._add(topic)
        now, problem = monotonic(), f'topics {self._settings.topic}'
        if self._streams:
            self._found_at = now
            self._problems.solved(problem, 'some are published now')
        elif now - self._found_at >= presence.GRACE:
            self._problems.report(problem, 'configured, but nobody publishes one of such a name')

    @property
    def publishers(self) -> int:
        """How many there were at the last `refresh`."""
        return sum(stream.subscription.publishers for stream in self._streams.values())

    def collect(self) -> Values:
        values, self._left = self._left, {}
        for stream in self._streams.values():
            values.update(stream.collect())
        return values

    def set_interval(self, interval: float) -> None:
        self._interval = interval
        for stream in self._streams.values():
            stream.interval = interval

    def idle_reason(self) -> str:
        reasons = [stream.idle_reason() for stream in self._streams.values()]
        if not reasons:
            return f'nobody publishes a topic {self._settings.topic}'
        return '' if '' in reasons else '; '.join(reasons[:_REASONS])

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        self._left = {}
        self._problems.forget(f'topics {self._settings.topic}')
        self._problems.forget(f'telemetry {self._settings.topic}')


class _Stream:
    """One topic: its reader, and what of it was sent last."""

    def __init__(
        self,
        node: Node,
        topic: str,
        settings: TopicSettings,
        emit: Callable[[Telemetry], None],
        transform: Transform | None,
        samples: Samples | None,
    ) -> None:
        self.interval = 0.0
        self._node = node
        self._topic = topic
        self._settings = settings
        self._emit = emit
        self._transform = transform
        self._under = settings.name or (
            topic.lstrip('/') if settings.is_pattern or not settings.fields else ''
        )
        self._read: Reader | None = None
        self._clock = node.get_clock()
        self._problems = Problems.of(node)
        self._problem = f'telemetry of {topic}'
        # Since when no message has had what a field selects by name, monotonic s.
        self._sought: dict[str, float] = {}
        # When a message last had several of it that differ, monotonic s.
        self._doubled: dict[str, float] = {}
        # Fields with an index, which may be past the end; a group minds its own.
        self._indexed = frozenset(
            name
            for name, path in settings.fields
            if transform is None and any(isinstance(step, Index) for step in path.steps)
        )
        # Of others nothing is selected, which each sample at 1000 Hz would ask anew.
        self._may_lack = settings.selects or bool(self._indexed)
        self._last: Values | None = None
        self._sent_at = self._due_at = self._came = 0.0
        self.subscription = TopicSubscription(
            node,
            topic,
            settings.type,
            on_type=self._on_type,
            depth=settings.depth,
            callback=self._on_sample,
            samples=samples if settings.every_sample else None,
            expected=settings.expected and not settings.is_pattern,
            seldom=settings.seldom or settings.on_change is not None,
        )

    def _on_type(self, cls: type) -> None:
        fields = dict(self._settings.fields) or {'': Path(())}
        self._read = make_true_reader(cls, fields)
        self._type = type_name(cls)

    def _now(self) -> float:
        seconds: float = self._clock.now().nanoseconds / 1e9
        return seconds

    def _on_sample(self, data: bytes) -> None:
        if self.interval:
            now = monotonic()
            if now < self._due_at:
                return
            self._due_at = max(self._due_at + self.interval, now)
        values = self._values(data)
        if values is not None and self._news(values):
            self._emit(Telemetry(values, every_sample=True))

    def collect(self) -> Values:
        values = self._newest()
        if values is not None:
            if self._news(values):
                return values
        elif self._last is not None and self._heartbeat_due() and self._alive():
            self._sent_at = monotonic()
            return self._last
        return {}

    def _newest(self) -> Values | None:
        """Values of the newest message; of what is chosen by name, of the newest that has it."""
        if not self._settings.selects:
            data = self.subscription.take()
            return None if data is None else self._values(data)
        newest: Values | None = None
        for data in self.subscription.drain():
            values = self._values(data)
            if values is not None:
                newest = values if newest is None else self._joined(newest, values)
        if newest is not None and self._last is not None:
            newest = self._joined(self._last, newest)
        return newest

    def _joined(self, old: Values, new: Values) -> Values:
        if not self._under:
            return old | new
        return {self._under: old[self._under] | new[self._under]}

    def _values(self, data: bytes) -> Values | None:
        """Values of a message; None of one that cannot be shown, which is a problem once."""
        assert self._read is not None  # A subscription begins after its type is settled.
        try:
            values = self._read(data, self._now)
            if self._may_lack:  # A topic may be shared, as /tf and /joint_states are.
                values = self._selected(values)
                if not values:
                    return None
            if self._transform is not None:
                values = self._transform(values)
        except LeftOut as problem:
            self._problems.report(self._problem, f'left out: {problem}')
            return None
        except (ValueError, struct.error) as error:
            self._problems.report(self._problem, f'a message is no {self._type}: {error}')
            return None
        except Exception as error:  # One topic's fault must not silence the others.
            self._problems.report(self._problem, f'a message cannot be shown: {error!r}')
            return None
        self._problems.solved(self._problem)
        self._came = monotonic()
        if not self._under:
            return values
        return {self._under: values if self._settings.fields else values['']}

    def _selected(self, values: Values) -> Values:
        """Values of what is there; what is not is said once it has been away for long."""
        found = {}
        now = monotonic()
        for name, value in values.items():
            if not isinstance(value, Missing) and not (value is None and name in self._indexed):
                found[name] = value
                self._doubled.pop(name, None)
                if name in self._sought:
                    del self._sought[name]
                    self._problems.solved(self._problem_of(name))
                continue
            since = self._sought.setdefault(name, now)
            if isinstance(value, Missing) and value.several:
                self._doubled[name] = now
            elif now - self._doubled.get(name, -_ALIVE) < _ALIVE:
                continue  # Other messages of the topic have none; that two differ still holds.
            else:
                self._doubled.pop(name, None)
            # The messages of a topic that is shared need not all have it.
            if name in self._doubled or now - since >= presence.GRACE:
                text = _NO_ELEMENT if value is None else value
                self._problems.report(self._problem_of(name), f'left out: {text}')
        return found

    def _problem_of(self, name: str) -> str:
        return f'{self._problem}, {dict(self._settings.fields)[name]}'

    def close(self) -> None:
        self.subscription.forget()
        self._problems.forget(self._problem)
        for name in self._sought:
            self._problems.forget(self._problem_of(name))

    def _news(self, values: Values) -> bool:
        """Whether a sample is to be sent: changed by enough, or a sign of life is due."""
        threshold = self._settings.on_change
        if threshold is None and not self._settings.min_rate:
            return True
        if (
            self._last is None
            or threshold is None
            or threshold.exceeded(self._last, values)
            or self._heartbeat_due()
        ):
            self._last = values
            self._sent_at = monotonic()
            return True
        return False

    def idle_reason(self) -> str:
        """Why nothing of it is sent at present, an empty text if it is sent."""
        now, topic = monotonic(), self._topic
        if not self.subscription.publishers:
            return f'nobody publishes {topic}'
        if not self._came:
            return f'no message of {topic} has come that can be shown'
        silent, unsent = now - self._came, now - self._sent_at
        quiet = max(2.0 * self.interval, _QUIET)
        if self._settings.on_change is not None and unsent > quiet:
            return f'{topic} has not changed by on_change for {unsent:.0f} s'
        return f'no message of {topic} has come for {silent:.0f} s' if silent > quiet else ''

    def _alive(self) -> bool:
        """Whether what was said last is so still, as far as its publishers know."""
        subscription = self.subscription
        return bool(subscription.publishers) and (
            subscription.latched or monotonic() - self._came < _ALIVE
        )

    def _heartbeat_due(self) -> bool:
        rate = self._settings.min_rate
        return bool(rate) and monotonic() - self._sent_at >= 1 / rate


def topic_pattern(pattern: str) -> re.Pattern[str]:
    """Regular expression of a topic pattern."""
    parts = re.split(r'(\*\*|\*)', pattern)
    made = {'*': '[^/]*', '**': '.*'}
    return re.compile(''.join(made.get(part) or re.escape(part) for part in parts))
