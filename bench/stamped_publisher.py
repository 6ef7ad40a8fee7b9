# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A publisher for benchmarks: Odometry at a rate, each with its number and the time it was sent.

The number is `pose.pose.position.x`, the time `header.stamp`. The message is serialized once and
the two are written into its bytes, so that publishing costs little. With `image` for the count of
topics: a JPEG of 100 kB as CompressedImage, with the time only. Run:
`python bench/stamped_publisher.py TOPIC RATE [COUNT_OF_TOPICS|image]`.
"""

from __future__ import annotations

from io import BytesIO
from random import Random
import struct
import sys
from time import monotonic, sleep, time_ns

from bridge_process import running
from nav_msgs.msg import Odometry
from PIL import Image
import rclpy
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from sample_messages import sample_messages
from sensor_msgs.msg import CompressedImage

STAMP = 4  # Bytes before the stamp: the header of the encoding.
_NUMBER = -123456.75


def number_offset() -> int:
    """Bytes before the number."""
    message = sample_messages()['Odometry']
    message.pose.pose.position.x = _NUMBER
    return bytes(serialize_message(message)).index(struct.pack('<d', _NUMBER))


def publishing(topic: str, rate: float, topics: int = 1, cores: str = ''):
    """Run a publisher; of several topics each has its number behind its name."""
    return running([sys.executable, __file__, topic, str(rate), str(topics)], cores)


def publishing_images(topic: str, rate: float, cores: str = ''):
    """Run a publisher of images."""
    return running([sys.executable, __file__, topic, str(rate), 'image'], cores)


def publish_images(topic: str, rate: float) -> None:
    """Publish images until terminated."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_publisher')
    publisher = node.create_publisher(CompressedImage, topic, 10)
    data = bytearray(serialize_message(CompressedImage(format='jpeg', data=noise())))
    next_at = monotonic()
    while True:
        struct.pack_into('<iI', data, STAMP, *divmod(time_ns(), 1_000_000_000))
        publisher.publish(bytes(data))
        next_at += 1 / rate
        sleep(max(0.0, next_at - monotonic()))


def noise() -> bytes:
    """A JPEG of about 100 kB."""
    picture = Image.frombytes('RGB', (430, 320), Random(1).randbytes(430 * 320 * 3))
    file = BytesIO()
    picture.save(file, 'JPEG', quality=75)
    return file.getvalue()


def publish(topic: str, rate: float, topics: int) -> None:
    """Publish until terminated."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_publisher')
    names = [topic] if topics == 1 else [f'{topic}{number}' for number in range(topics)]
    publishers = [node.create_publisher(Odometry, name, 1000) for name in names]
    data = bytearray(serialize_message(sample_messages()['Odometry']))
    at, number = number_offset(), 0
    next_at = monotonic()
    while True:
        struct.pack_into('<d', data, at, number)
        for publisher in publishers:
            struct.pack_into('<iI', data, STAMP, *divmod(time_ns(), 1_000_000_000))
            publisher.publish(bytes(data))
        number += 1
        next_at += 1 / rate
        sleep(max(0.0, next_at - monotonic()))


if __name__ == '__main__':
    if sys.argv[3] == 'image':
        publish_images(sys.argv[1], float(sys.argv[2]))
    else:
        publish(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
