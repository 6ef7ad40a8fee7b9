# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is it said of an image that cannot be shown why, and taken back with the next that can."""

from __future__ import annotations

import io

import PIL.Image
import pytest
from sensor_msgs.msg import CompressedImage, Image

from xparo_bridge.robot.telemetry.groups import image
from xparo_bridge.ros.problems import Problems

# Images come by events where the period is short, and are asked for where it is long.
both_ways = pytest.mark.parametrize('period', [0.02, 0.2])
GOOD = {'height': 32, 'width': 32, 'encoding': 'rgb8', 'step': 96, 'data': bytes(32 * 96)}


def jpeg() -> CompressedImage:
    file = io.BytesIO()
    PIL.Image.new('RGB', (32, 32), 'red').save(file, 'JPEG')
    return CompressedImage(format='jpeg', data=file.getvalue())


BAD = {
    'a file': (
        CompressedImage(format='h264', data=b'\0\0\0\1' * 50),
        jpeg(),
        'its format "h264" cannot be read',
    ),
    'a file that is cut short': (
        CompressedImage(format='jpeg', data=b''),
        jpeg(),
        'its format "jpeg" cannot be read',
    ),
    'pixels': (
        Image(**{**GOOD, 'encoding': 'no_such'}),
        Image(**GOOD),
        'its encoding "no_such" is none of sensor_msgs/image_encodings.hpp',
    ),
    'too few pixels': (
        Image(**{**GOOD, 'data': bytes(10)}),
        Image(**GOOD),
        'it has 10 bytes, expected 3072',
    ),
}


@both_ways
@pytest.mark.parametrize('case', BAD)
def test_a_bad_image_is_named_in_plain_words_until_a_good_one_comes(
    graph, telemeter, case, period
):
    bad, good, words = BAD[case]
    telemetry = telemeter(
        {'groups': {'image': {'enabled': True, 'topic': '/image', 'period': period}}}
    )
    publisher = graph.robot.create_publisher(type(bad), '/image', 1)
    problems = Problems.of(graph.node)
    name = 'telemetry of /image'
    for _ in range(2):
        graph.publish_until(publisher, bad, lambda: name in problems.now)
        assert problems.now[name] == f'an image is left out: {words}'
        telemetry.sent.clear()
        graph.publish_until(publisher, good, lambda: telemetry.sent and name not in problems.now)
    assert telemetry.latest['image']['format'] == 'jpeg'


@both_ways
def test_what_nobody_foresaw_costs_the_image_and_is_named(graph, telemeter, monkeypatch, period):
    def broken(*arguments):
        raise KeyError('of a library')

    monkeypatch.setattr(image, 'encode_raw', broken)
    telemeter({'groups': {'image': {'enabled': True, 'topic': '/image', 'period': period}}})
    publisher = graph.robot.create_publisher(Image, '/image', 1)
    problems = Problems.of(graph.node)
    name = 'telemetry of /image'
    graph.publish_until(publisher, Image(**GOOD), lambda: name in problems.now)
    assert problems.now[name] == "an image is left out: KeyError('of a library')"
