# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Where is one frame in another now, of /tf and /tf_static, at the cost of a look now and then.

A tf2 buffer deserializes every transform there is to answer for any time of the last seconds.
Telemetry asks for the newest only, so the messages of a period are read when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
import struct
from typing import Any

from rclpy.node import Node

from .paths import parse_path
from .reader import make_reader
from .subscription import TopicSubscription

Vector = tuple[float, float, float]
Rotation = tuple[float, float, float, float]  # x, y, z, w

_DEPTH = 500  # Messages of one period that are looked at; of more, the newest.
_TYPE = 'tf2_msgs/msg/TFMessage'
_FIELDS = {'transforms': parse_path('transforms')}
_MAX_CHAIN = 64


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


class TransformTree:
    """The newest transform of each frame to its parent."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, Transform]] = {}

    def add(self, parent: str, child: str, transform: Transform) -> None:
        """Learn a transform; the newer one of a child stands."""
        self._parents[child.lstrip('/')] = parent.lstrip('/'), transform

    def lookup(self, target: str, source: str) -> Transform | None:
        """Place of frame `source` in frame `target`; None where they are not connected."""
        above = dict(self._chain(source))
        for ancestor, to_target in self._chain(target):
            if ancestor in above:
                return to_target.inverse() * above[ancestor]
        return None

    def _chain(self, frame: str) -> Iterator[tuple[str, Transform]]:
        """Yield the frame and its ancestors with the frame's place in each."""
        place = Transform()
        yield frame, place
        for _ in range(_MAX_CHAIN):  # A loop of parents, which is a robot's fault, ends here.
            if frame not in self._parents:
                return
            frame, step = self._parents[frame]
            place = step * place
            yield frame, place


class TransformListener:
    """Keeps a tree up to date when asked to."""

    def __init__(self, node: Node) -> None:
        self.tree = TransformTree()
        self._subscriptions = [
            TopicSubscription(node, topic, _TYPE, depth=_DEPTH, on_type=self._on_type)
            for topic in ('/tf', '/tf_static')
        ]

    def _on_type(self, cls: type) -> None:
        self._read = make_reader(cls, _FIELDS)

    def refresh(self) -> None:
        """Follow changes of the graph."""
        for subscription in self._subscriptions:
            subscription.refresh()

    def update(self) -> None:
        """Read what came since the last time."""
        for subscription in self._subscriptions:
            for data in subscription.drain():
                try:
                    transforms = self._read(data, float)['transforms']
                except (ValueError, struct.error):
                    continue  # No transforms; the next message is another one.
                for stamped in transforms:
                    self._add(stamped)

    def _add(self, stamped: dict[str, Any]) -> None:
        transform = stamped['transform']
        translation, rotation = transform['translation'], transform['rotation']
        self.tree.add(
            stamped['header']['frame_id'],
            stamped['child_frame_id'],
            Transform(
                (translation['x'], translation['y'], translation['z']),
                (rotation['x'], rotation['y'], rotation['z'], rotation['w']),
            ),
        )

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            subscription.close()
