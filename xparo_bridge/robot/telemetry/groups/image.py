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

from concurrent.futures import Future, ThreadPoolExecutor
import struct
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from ....ros.paths import parse_path
from ....ros.problems import Problems
from ....ros.reader import make_reader
from ....ros.subscription import TopicSubscription
from ..pictures import encode_compressed, encode_raw, PictureError
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
        self._settings = settings
        self._problems = Problems.of(node)
        self._worker = ThreadPoolExecutor(1, 'image')
        self._encoding: Future[Values] | None = None
        topic = node.resolve_topic_name(settings['topic'])
        self._problem = f'telemetry of {topic}'
        self._subscription = TopicSubscription(node, topic, on_type=self._on_type)

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
            encoding, self._encoding = self._encoding, None
            values = self._result(encoding)
        data = self._subscription.take()
        if data is not None:
            try:
                image = self._read(data, float)
            except (ValueError, struct.error) as error:
                self._problems.report(self._problem, f'a message is no image: {error}')
            else:
                self._encoding = self._worker.submit(
                    self._encode, image, self._settings['max_width'], self._settings['max_bytes']
                )
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
        self._subscription.forget()
        self._problems.forget(self._problem)
        self._worker.shutdown(wait=False, cancel_futures=True)
