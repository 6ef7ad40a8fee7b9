# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Find where one frame is in another now, of tf and tf_static, at the cost of a look now and then.

A tf2 buffer deserializes every transform there is to answer for any time of the last seconds. The
bridge asks for the newest only, so the messages of a period are read when it ends. What
tf2::BufferCore::setTransform refuses is refused here too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
import math
import struct
import time
from typing import Any

from rclpy.node import Node

from .of_node import one_of
from .paths import parse_path
from .problems import Problems
from .reader import make_reader
from .rivals import Rivals
from .subscription import TopicSubscription

Vector = tuple[float, float, float]
Rotation = tuple[float, float, float, float]  # x, y, z, w

_DEPTH = 500  # Messages of one period that are looked at; of more, the newest.
_TYPE = 'tf2_msgs/msg/TFMessage'
_FIELDS = {'transforms': parse_path('transforms')}
# By how much the square of a quaternion's length may differ from 1, as in tf2.
_TOLERANCE = 10e-3
# An older stamp within so long, s, belongs to a message that was overtaken; later than that,
# somebody has set the clock back.
_OVERTAKEN = 1.0
# Frames and the letters of their names come from the graph, where anybody may make ever new ones.
_MAX_FRAMES = 2000
_MAX_NAME = 256
_MAX_CHAIN = 1000
_STATIC = 'static transforms'
# How often the graph is looked at, however many ask, s.
_GRAPH_PERIOD = 0.9


@dataclass(frozen=True, slots=True)
class Transform:
    """A frame's place in another frame; metres and a unit quaternion."""

    translation: Vector = (0.0, 0.0, 0.0)
    rotation: Rotation = (0.0, 0.0, 0.0, 1.0)

    def __mul__(self, inner: Transform) -> Transform:
        """Place of what stands at `inner` in this frame."""
        x, y, z = rotate(self.rotation, inner.translation)
        a, b, c = self.translation
        return Transform((a + x, b + y, c + z), _product(self.rotation, inner.rotation))

    def inverse(self) -> Transform:
        """Place of the outer frame in this one."""
        x, y, z, w = self.rotation
        back = (-x, -y, -z, w)
        a, b, c = rotate(back, self.translation)
        return Transform((-a, -b, -c), back)

    @property
    def yaw(self) -> float:
        """Heading, radians."""
        x, y, z, w = self.rotation
        return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _product(a: Rotation, b: Rotation) -> Rotation:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate(rotation: Rotation, vector: Vector) -> Vector:
    """Turn a vector."""
    x, y, z, w = rotation
    back = (-x, -y, -z, w)
    turned = _product(_product(rotation, (*vector, 0.0)), back)
    return turned[:3]


def frame_name(name: str) -> str:
    """Name of a frame as tf2 has it, without the slash that tf of ROS 1 put before it."""
    return name[1:] if name.startswith('/') else name


def checked(transform: Transform) -> Transform:
    """
    Return a transform with a rotation of length 1.

    :raises ValueError: what tf2 refuses, with the reason: a NaN, an infinity, a rotation that is
        none.
    """
    x, y, z, w = transform.rotation
    square = x * x + y * y + z * z + w * w
    # One sum, as there are hundreds a second: it is finite if all of its parts are.
    if not math.isfinite(sum(transform.translation) + square):
        raise ValueError('has a NaN or an infinity')
    if abs(square - 1.0) < 1e-12:
        return transform
    length = math.sqrt(square)
    if abs(square - 1.0) >= _TOLERANCE:
        raise ValueError(f'has a rotation whose quaternion is of length {length:.3g}, expected 1')
    return Transform(transform.translation, (x / length, y / length, z / length, w / length))


@dataclass(frozen=True, slots=True)
class _Edge:
    """A frame's place in its parent: `stamp` of its publisher's clock, `heard` steady, s."""

    parent: str
    transform: Transform
    stamp: float
    heard: float
    static: bool
    rivals: Rivals


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a frame is: how old the oldest moving transform of the way is, s, and its frame.

    `disputed` is a frame of the way that two publishers put to different places.
    """

    transform: Transform
    age: float
    oldest: str
    disputed: str = ''


class TransformTree:
    """The newest transform of each frame to its parent."""

    def __init__(self) -> None:
        self._edges: OrderedDict[str, _Edge] = OrderedDict()

    def add(
        self,
        parent: str,
        child: str,
        transform: Transform,
        *,
        stamp: float = 0.0,
        heard: float | None = None,
        static: bool = False,
    ) -> None:
        """
        Learn a transform; the newer one of a child stands.

        `heard` is when it came, by the steady clock: now if not given. A moving one that repeats a
        stamp is no sign of life.

        :raises ValueError: what tf2 refuses, with the reason.
        """
        parent, child = frame_name(parent), frame_name(child)
        if not parent or not child:
            raise ValueError(f'has no {"child_frame_id" if parent else "frame_id"}')
        if parent == child:
            raise ValueError('has one frame as parent and child')
        if max(len(parent), len(child)) > _MAX_NAME:
            raise ValueError(f'has a frame with a name of more than {_MAX_NAME} characters')
        if heard is None:
            heard = time.monotonic()
        old = self._edges.get(child)
        rivals = old.rivals if old is not None else Rivals()
        edge = _Edge(parent, checked(transform), stamp, heard, static, rivals)
        rivals.add((parent, transform.translation), heard)
        if old is not None and stamp and old.parent == parent and not static:
            if stamp == old.stamp:
                return
            if stamp < old.stamp and heard - old.heard < _OVERTAKEN:
                return
        self._edges[child] = edge
        self._edges.move_to_end(child)
        if len(self._edges) > _MAX_FRAMES:
            self._edges.popitem(last=False)

    def lookup(self, target: str, source: str, max_age: float = math.inf) -> Transform | None:
        """Place of frame `source` in frame `target`; None where not connected, or too old."""
        place = self.place(target, source)
        if place is None or place.age > max_age or place.disputed:
            return None
        return place.transform

    def place(self, target: str, source: str) -> Place | None:
        """Place of frame `source` in frame `target` with its age; None where not connected."""
        target, source = frame_name(target), frame_name(source)
        above = {frame: (place, heard) for frame, place, heard in self._chain(source)}
        for ancestor, to_target, heard in self._chain(target):
            if ancestor in above:
                to_source, other = above[ancestor]
                oldest, frame = min(heard, other)
                now = time.monotonic()
                age = now - oldest if oldest < math.inf else 0.0
                disputed = self._disputed(source, ancestor, now) or self._disputed(
                    target, ancestor, now
                )
                return Place(to_target.inverse() * to_source, max(0.0, age), frame, disputed)
        return None

    def _disputed(self, frame: str, ancestor: str, now: float) -> str:
        """The first frame on the way up to an ancestor that has two publishers."""
        while frame != ancestor:
            edge = self._edges[frame]
            if edge.rivals.there(now):
                return frame
            frame = edge.parent
        return ''

    def _chain(self, frame: str) -> Iterator[tuple[str, Transform, tuple[float, str]]]:
        """
        Yield the frame and its ancestors.

        Each with the frame's place in it, and when the oldest moving transform so far was heard
        with that one's frame.
        """
        place = Transform()
        oldest = math.inf, ''
        seen = {frame}
        yield frame, place, oldest
        while frame in self._edges and len(seen) < _MAX_CHAIN:
            edge = self._edges[frame]
            if not edge.static and edge.heard < oldest[0]:
                oldest = edge.heard, frame
            frame = edge.parent
            if frame in seen:  # A loop of parents, which is a robot's fault, ends here.
                return
            seen.add(frame)
            place = edge.transform * place
            yield frame, place, oldest


class TransformListener:
    """
    Keeps a tree up to date when asked to; one for all of a node who want to know.

    `acquire` and `close` in pairs: while nobody wants it nothing is subscribed.
    """

    def __init__(self, node: Node) -> None:
        """Listen to nothing yet; see `acquire`."""
        self.tree = TransformTree()
        self._node = node
        self._users = 0
        self._problems = Problems.of(node)
        self._next_look = 0.0
        self._updated = time.monotonic()
        self._ignored: set[str] = set()
        self._subscriptions: list[tuple[TopicSubscription, bool]] = []

    @classmethod
    def acquire(cls, node: Node) -> TransformListener:
        """Return the node's listener, which listens until all who acquired it have closed it."""
        listener = one_of(node, cls, lambda: cls(node))
        listener._users += 1
        if listener._users == 1:
            listener.tree = TransformTree()
            listener._next_look = 0.0
            listener._updated = time.monotonic()
            listener._subscriptions = [
                (
                    TopicSubscription(
                        node,
                        transform_topic(node, name),
                        _TYPE,
                        depth=_DEPTH,
                        on_type=listener._on_type,
                        expected=name == 'tf',
                    ),
                    name == 'tf_static',
                )
                for name in ('tf', 'tf_static')
            ]
        return listener

    @property
    def has_publishers(self) -> bool:
        """Whether anybody publishes transforms, as of the last `refresh`."""
        return any(subscription.publishers for subscription, _ in self._subscriptions)

    @property
    def topic(self) -> str:
        """Name of the topic of moving transforms."""
        return transform_topic(self._node, 'tf')

    def _on_type(self, cls: type) -> None:
        self._read = make_reader(cls, _FIELDS)

    def refresh(self) -> None:
        """Follow changes of the graph, about once a second."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _GRAPH_PERIOD
            for subscription, _ in self._subscriptions:
                subscription.refresh()
            static = self._subscriptions[1][0]
            if static.publishers and not static.latched:
                self._problems.report(
                    _STATIC,
                    f'not all publishers of {static.topic} keep what they have sent (durability '
                    'transient local): what they sent before the bridge listened is not known',
                )
            else:
                self._problems.solved(_STATIC)
            self.update()

    def update(self) -> None:
        """Read what came since the last time."""
        now, wall = time.monotonic(), time.time()
        for subscription, static in self._subscriptions:
            for data, info in subscription.drain_with_info():
                try:
                    transforms = self._read(data, float)['transforms']
                except (ValueError, struct.error):
                    continue  # No transforms; the next message is another one.
                # The middleware's stamps are of the system's clock, which may have been set since.
                waited = wall - info['received_timestamp'] / 1e9
                heard = now - min(max(waited, 0.0), now - self._updated)
                for stamped in transforms:
                    self._add(stamped, heard, static)
        self._updated = now

    def _add(self, stamped: dict[str, Any], heard: float, static: bool) -> None:
        transform = stamped['transform']
        translation, rotation = transform['translation'], transform['rotation']
        parent, child = stamped['header']['frame_id'], stamped['child_frame_id']
        try:
            self.tree.add(
                parent,
                child,
                Transform(
                    (translation['x'], translation['y'], translation['z']),
                    (rotation['x'], rotation['y'], rotation['z'], rotation['w']),
                ),
                stamp=stamped['header']['stamp'],
                heard=heard,
                static=static,
            )
        except ValueError as problem:
            if len(self._ignored) < _MAX_FRAMES:
                self._ignored.add(_problem(parent, child))
            self._problems.report(
                _problem(parent, child), f'ignored, as tf2 ignores it: it {problem}'
            )
        else:
            if self._ignored and (name := _problem(parent, child)) in self._ignored:
                self._ignored.discard(name)
                self._problems.solved(name)

    def close(self) -> None:
        """Want it no more."""
        self._users -= 1
        if self._users == 0:
            for subscription, _ in self._subscriptions:
                subscription.forget()
            self._subscriptions = []
            for name in self._ignored:
                self._problems.forget(name)
            self._ignored.clear()
            self._problems.forget(_STATIC)


def _problem(parent: str, child: str) -> str:
    return f'transform {parent[:_MAX_NAME]} -> {child[:_MAX_NAME]}'


def transform_topic(node: Node, name: str) -> str:
    """
    Resolved name of `tf` or `tf_static` for a node: a remapping of `/tf` counts, else one of `tf`.

    Both are in use: Nav2's launch files remap the absolute name to the relative one. Without any
    it is in the node's namespace, lest a robot of a fleet takes another's place for its own.
    """
    absolute: str = node.resolve_topic_name(f'/{name}')
    return absolute if absolute != f'/{name}' else str(node.resolve_topic_name(name))
