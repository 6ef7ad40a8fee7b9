# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What the robot sees, of a sensor_msgs/CompressedImage or sensor_msgs/Image.

Sends `image`: {format, stamp, data}, data the bytes of a JPEG or PNG file. Off until somebody
watches: the platform switches it on, and off again. A compressed image within the limits goes as
it is; anything else is made smaller and encoded in a thread of its own. An image that cannot be
shown costs itself and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
import math
import struct
from threading import RLock
from time import monotonic
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from ....messages import Telemetry
from ....ros.paths import parse_path
from ....ros.problems import Problems
from ....ros.reader import make_reader
from ....ros.samples import Samples
from ....ros.subscription import TopicSubscription
from ....ros.walls import when_done
from ..pictures import encode_compressed, encode_raw, passed_on, PictureError
from ..settings import Settings
from ..source import Source, Values

_FIELDS = {
    'compressed': ('header.stamp', 'format', 'data'),
    'raw': ('header.stamp', 'height', 'width', 'encoding', 'is_bigendian', 'step', 'data'),
}


# Shortest period, s, at which images are asked for. To ask takes 0.8 ms of the ROS thread, and at
# 100 Hz cost four times as much as all that is done for the images of a camera; but an event for
# each image of a camera costs more than to ask once a second.
_POLLED = 0.1


def _ignore(telemetry: Telemetry) -> None:
    """Stand where telemetry would be sent."""


def _never(image: Values, max_width: int, max_bytes: int) -> None:
    """Pass no raw image on as it is."""


def make(node: Node, settings: Settings) -> Source:
    return Image(node, settings)


class Image(Source):
    """
    See the module.

    With a period of _POLLED or more the newest image is asked for once a period, and sent at the
    next if it has to be encoded. Below, each image comes by an event, in the thread of the
    samples, and is sent when it comes; one that came too soon is sent with the next `refresh`,
    unless a newer one was meanwhile.
    """

    def __init__(self, node: Node, settings: Settings) -> None:
        self._settings = settings
        self._problems = Problems.of(node)
        self._worker = ThreadPoolExecutor(1, 'image')
        self._encoding: Future[Values] | None = None
        self._node = node
        self._topic = node.resolve_topic_name(settings['topic'])
        self._problem = f'telemetry of {self._topic}'
        self._samples: Samples | None = None
        self._emit: Callable[[Telemetry], None] = _ignore
        self._interval = self._due_at = 0.0
        # What came too soon. Events, refresh and the end of an encoding are in three threads.
        self._late: bytes | None = None
        self._lock = RLock()
        self._subscription = self._subscribe(None)

    def _subscribe(self, samples: Samples | None) -> TopicSubscription:
        return TopicSubscription(
            self._node,
            self._topic,
            on_type=self._on_type,
            callback=self._on_image,
            samples=samples,
            brief=True,
        )

    def _on_type(self, cls: type) -> None:
        compressed = cls is CompressedImage
        self._encode: Any = encode_compressed if compressed else encode_raw
        self._pass_on: Any = passed_on if compressed else _never
        self._read = make_reader(
            cls,
            {
                path.rpartition('.')[2]: parse_path(path)
                for path in _FIELDS['compressed' if compressed else 'raw']
            },
        )

    def hand_over_by(self, samples: Samples, emit: Callable[[Telemetry], None]) -> None:
        self._samples, self._emit = samples, emit

    def set_interval(self, interval: float) -> None:
        self._interval = interval
        samples = self._samples if interval < _POLLED else None
        if self.batched != (samples is None):
            self._subscription.forget()
            with self._lock:
                self._encoding = self._late = None
            self._subscription = self._subscribe(samples)
            self._subscription.refresh()
            self.batched = samples is None

    def refresh(self) -> None:
        self._subscription.refresh()
        with self._lock:
            if self._late is not None:
                self._on_image(self._late)

    def _on_image(self, data: bytes) -> None:
        """Send an image if one is due, now or when it is encoded."""
        now = monotonic()
        with self._lock:
            self._late = data
            if now < self._due_at or self._encoding is not None:
                return
            self._late = None
            image = self._fields(data)
            if image is None:
                return
            self._due_at = max(self._due_at + self._interval, now)
            ready = self._pass_on(image, *self._limits)
            if ready is not None:
                self._problems.solved(self._problem)
                self._emit(Telemetry({'image': ready}))
            else:
                self._encoding = self._worker.submit(self._encode, image, *self._limits)
                when_done(self._encoding, self._on_encoded)

    def _on_encoded(self, encoding: Future[Values]) -> None:
        """In the worker's thread, or of what was ended before it began."""
        if encoding.cancelled():
            return
        values = self._result(encoding)
        with self._lock:
            if encoding is not self._encoding:
                return  # The interval was changed meanwhile.
            self._encoding = None
            if values:
                self._emit(Telemetry(values))
            if self._late is not None:
                self._on_image(self._late)

    @property
    def _limits(self) -> tuple[int, int]:
        return self._settings['max_width'], self._settings['max_bytes']

    def _fields(self, data: bytes) -> Values | None:
        try:
            return self._read(data, float)
        except (ValueError, struct.error) as error:
            self._problems.report(self._problem, f'a message is no image: {error}')
            return None

    def collect(self) -> Values:
        values: Values = {}
        if self._encoding is not None:
            if not self._encoding.done():
                return {}
            encoding, self._encoding = self._encoding, None
            values = self._result(encoding)
        data = self._subscription.take()
        image = None if data is None else self._fields(data)
        if image is not None:
            self._encoding = self._worker.submit(self._encode, image, *self._limits)
        return values

    def _result(self, encoding: Future[Values]) -> Values:
        try:
            encoded = encoding.result()
        except PictureError as error:
            self._problems.report(self._problem, f'an image is left out: {error}')
        except ImportError:
            self._problems.report(self._problem, 'images are left out: install python3-pil')
        except Exception as error:  # What a library makes of hostile bytes.
            self._problems.report(self._problem, f'an image is left out: {error!r}')
        else:
            self._problems.solved(self._problem)
            return {'image': encoded}
        return {}

    def close(self) -> None:
        with self._lock:
            self._emit, self._late, self._due_at = _ignore, None, math.inf
        self._subscription.forget()
        self._problems.forget(self._problem)
        self._worker.shutdown(wait=False, cancel_futures=True)
