# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a camera's images, also without a library for them."""

import struct
import zlib

import numpy
import pytest

from xparo_bridge.robot.telemetry import pictures


@pytest.fixture(autouse=True)
def no_library(monkeypatch):
    monkeypatch.setattr(pictures, 'cv2', None)
    monkeypatch.setattr(pictures, 'PIL', None)


def decode_png(data):
    """Pixels of a PNG as `encode_png` writes it: 8 bits, filter 2."""
    width, height, _, color = struct.unpack('>IIBB', data[16:26])
    begin = data.index(b'IDAT') + 4
    size = struct.unpack('>I', data[begin - 8 : begin - 4])[0]
    rows = numpy.frombuffer(zlib.decompress(data[begin : begin + size]), numpy.uint8)
    rows = rows.reshape(height, -1)[:, 1:]
    pixels = numpy.cumsum(rows, axis=0, dtype=numpy.uint8)
    return pixels.reshape((height, width, 3) if color == 2 else (height, width))


def raw(pixels, encoding, padding=0, big=False):
    """Fields of an Image."""
    rows = [row.tobytes() + bytes(padding) for row in pixels]
    return {
        'stamp': 1.5,
        'height': pixels.shape[0],
        'width': pixels.shape[1],
        'encoding': encoding,
        'is_bigendian': int(big),
        'step': len(rows[0]),
        'data': b''.join(rows),
    }


COLORS = numpy.random.default_rng(1).integers(0, 256, (12, 16, 3), numpy.uint8)


@pytest.mark.parametrize(
    ('encoding', 'pixels', 'expected'),
    [
        ('rgb8', COLORS, COLORS),
        ('bgr8', COLORS, COLORS[:, :, ::-1]),
        ('rgba8', numpy.dstack((COLORS, COLORS[:, :, 0])), COLORS),
        ('bgra8', numpy.dstack((COLORS[:, :, ::-1], COLORS[:, :, 0])), COLORS),
        ('mono8', COLORS[:, :, 0], COLORS[:, :, 0]),
    ],
)
def test_colors_come_out_as_they_went_in(encoding, pixels, expected):
    file = pictures.encode_raw(raw(pixels, encoding, padding=3), 640, 100_000)
    assert (file['format'], file['stamp']) == ('png', 1.5)
    assert numpy.array_equal(decode_png(file['data']), expected)


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'big'),
    [('16UC1', '<u2', False), ('mono16', '>u2', True), ('32FC1', '<f4', False)],
)
def test_depths_become_gray_from_near_to_far(encoding, dtype, big):
    depths = numpy.full((8, 8), 1000).astype(dtype)
    depths[0, 0], depths[1, 1] = 3000, 0
    if encoding == '32FC1':
        depths[1, 1] = numpy.nan
    gray = decode_png(pictures.encode_raw(raw(depths, encoding, big=big), 64, 10_000)['data'])
    assert (gray[0, 0], gray[1, 1], gray[2, 2]) == (255, 0, 0)


def test_a_wide_image_is_made_narrow_and_a_large_file_small():
    noise = numpy.random.default_rng(2).integers(0, 256, (240, 320), numpy.uint8)
    narrow = pictures.encode_raw(raw(noise, 'mono8'), 100, 100_000)
    assert decode_png(narrow['data']).shape == (60, 80)
    small = pictures.encode_raw(raw(noise, 'mono8'), 640, 3000)
    assert len(small['data']) <= 3000
    assert pictures.encode_raw(raw(noise, 'mono8'), 640, 50) is None


def test_a_compressed_image_within_the_limit_is_passed_on():
    for data, kind in ((b'\xff\xd8rest', 'jpeg'), (b'\x89PNG rest', 'png')):
        image = {'stamp': 2.0, 'format': 'rgb8; jpeg compressed bgr8', 'data': data}
        assert pictures.encode_compressed(image, 640, 1000) == {
            'format': kind,
            'stamp': 2.0,
            'data': data,
        }
        assert pictures.encode_compressed(image, 640, 3) is None


def test_an_encoding_that_is_not_known_is_named():
    with pytest.raises(ValueError, match='"bayer_rggb8" is not known; there are mono8'):
        pictures.encode_raw(raw(COLORS, 'bayer_rggb8'), 640, 1000)
