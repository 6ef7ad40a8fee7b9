# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What the robot sees, of a sensor_msgs/CompressedImage or sensor_msgs/Image.

Sends `image`: {format, stamp, data}, data the bytes of a JPEG or PNG file. Off until somebody
watches: the platform switches it on, and off again. A compressed image within the limits goes as
it is; anything else is made smaller and encoded in a thread of its own, by OpenCV or Pillow where
one is installed, and raw images otherwise as PNG without either.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from ....ros.paths import parse_path
from ....ros.reader import make_reader
from ....ros.subscription import TopicSubscription
from ..pictures import encode_compressed, encode_raw
from ..settings import Settings
from ..source import Source, Values

_FIELDS = {
    'compressed': ('header.stamp', 'format', 'data'),
    'raw': ('header.stamp', 'height', 'width', 'encoding', 'is_bigendian', 'step', 'data'),
}


def make(node: Node, settings: Settings) -> Source:
    return Image(node, settings)


class Image(Source):
    """See the module; an image that is being encoded is sent at the next period."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._node = node
        self._settings = settings
        self._worker = ThreadPoolExecutor(1, 'image')
        self._encoding: Future[Values | None] | None = None
        self._subscription = TopicSubscription(
            node, node.resolve_topic_name(settings['topic']), on_type=self._on_type
        )

    def _on_type(self, cls: type) -> None:
        compressed = cls is CompressedImage
        self._encode: Any = encode_compressed if compressed else encode_raw
        self._read = make_reader(
            cls,
            {
                path.rpartition('.')[2]: parse_path(path)
                for path in _FIELDS['compressed' if compressed else 'raw']
            },
        )

    def refresh(self) -> None:
        self._subscription.refresh()

    def collect(self) -> Values:
        values: Values = {}
        if self._encoding is not None:
            if not self._encoding.done():
                return {}
            encoded, self._encoding = self._encoding.result(), None
            if encoded is not None:
                values['image'] = encoded
            else:
                self._node.get_logger().warning(
                    f'an image of {self._subscription.topic} cannot be brought within '
                    f'{self._settings["max_bytes"]} bytes without python3-pil or python3-opencv',
                    throttle_duration_sec=60.0,
                )
        data = self._subscription.take()
        if data is not None:
            self._encoding = self._worker.submit(
                self._encode,
                self._read(data, float),
                self._settings['max_width'],
                self._settings['max_bytes'],
            )
        return values

    def close(self) -> None:
        self._subscription.close()
        self._worker.shutdown(wait=False, cancel_futures=True)
