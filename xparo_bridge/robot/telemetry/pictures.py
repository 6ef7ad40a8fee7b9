# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How does a camera's image become a file small enough to send."""

from __future__ import annotations

import io
import struct
from typing import Any
import zlib

import numpy

try:
    import cv2
except ImportError:
    cv2 = None
try:
    import PIL.Image
except ImportError:
    PIL = None

_QUALITY = 75
_CHANNELS = {'mono8': 1, '8UC1': 1, 'rgb8': 3, 'bgr8': 3, '8UC3': 3, 'rgba8': 4, 'bgra8': 4}
_DEPTHS = {'mono16': 'u2', '16UC1': 'u2', '32FC1': 'f4'}


def encode_compressed(
    image: dict[str, Any], max_width: int, max_bytes: int
) -> dict[str, Any] | None:
    """
    Fields of a CompressedImage as a file within the limits.

    One that is a JPEG or PNG and small enough is passed on; None if it is not, and there is
    nothing to decode it with.
    """
    data = image['data']
    kind = 'png' if data[:4] == b'\x89PNG' else 'jpeg' if data[:2] == b'\xff\xd8' else ''
    if kind and len(data) <= max_bytes:
        return {'format': kind, 'stamp': image['stamp'], 'data': data}
    pixels = _decode(data)
    return pixels if pixels is None else _file(pixels, image['stamp'], max_width, max_bytes)


def encode_raw(image: dict[str, Any], max_width: int, max_bytes: int) -> dict[str, Any] | None:
    """
    Fields of an Image as a file within the limits.

    Depth images become gray between their nearest and farthest pixel. ValueError for an encoding
    that is not known; None where even a small picture is too many bytes.
    """
    return _file(_pixels(image), image['stamp'], max_width, max_bytes)


def _pixels(image: dict[str, Any]) -> Any:
    """Array of height x width x 3 (RGB), or of height x width (gray)."""
    height, width, encoding = image['height'], image['width'], image['encoding']
    rows = numpy.frombuffer(image['data'], numpy.uint8)[: height * image['step']].reshape(
        height, image['step']
    )
    if encoding in _CHANNELS:
        channels = _CHANNELS[encoding]
        pixels = rows[:, : width * channels].reshape(height, width, channels)
        if channels == 1:
            return pixels[:, :, 0]
        return pixels[:, :, 2::-1] if encoding in ('bgr8', 'bgra8', '8UC3') else pixels[:, :, :3]
    if encoding in _DEPTHS:
        order = '>' if image['is_bigendian'] else '<'
        dtype = numpy.dtype(order + _DEPTHS[encoding])
        depths = numpy.ascontiguousarray(rows[:, : width * dtype.itemsize]).view(dtype)
        known = numpy.isfinite(depths) & (depths > 0)
        if not known.any():
            return numpy.zeros((height, width), numpy.uint8)
        near, far = float(depths[known].min()), float(depths[known].max())
        scaled = (numpy.where(known, depths, near) - near) * (255 / max(far - near, 1e-9))
        return scaled.astype(numpy.uint8)
    raise ValueError(
        f'image encoding "{encoding}" is not known; there are {", ".join((*_CHANNELS, *_DEPTHS))}'
    )


def _file(pixels: Any, stamp: float, max_width: int, max_bytes: int) -> dict[str, Any] | None:
    stride = -(-pixels.shape[1] // max_width)
    while min(pixels.shape[:2]) // stride >= 8:
        kind, data = _encode(numpy.ascontiguousarray(pixels[::stride, ::stride]))
        if len(data) <= max_bytes:
            return {'format': kind, 'stamp': stamp, 'data': data}
        stride += max(1, stride // 2)
    return None


def _encode(pixels: Any) -> tuple[str, bytes]:
    if cv2 is not None:
        ordered = pixels if pixels.ndim == 2 else pixels[:, :, ::-1]
        return 'jpeg', cv2.imencode('.jpg', ordered, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[
            1
        ].tobytes()
    if PIL is not None:
        file = io.BytesIO()
        PIL.Image.fromarray(pixels).save(file, 'JPEG', quality=_QUALITY)
        return 'jpeg', file.getvalue()
    return 'png', encode_png(pixels)


def _decode(data: bytes) -> Any:
    if cv2 is not None:
        pixels = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
        return None if pixels is None else pixels[:, :, ::-1]
    if PIL is not None:
        return numpy.asarray(PIL.Image.open(io.BytesIO(data)).convert('RGB'))
    return None


def encode_png(pixels: Any) -> bytes:
    """PNG (W3C, second edition) of 8-bit pixels, gray or RGB."""
    height, width = pixels.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    # Each row begins with its filter: 2, the difference to the row above, which packs well.
    rows = numpy.zeros((height, 1 + pixels[0].size), numpy.uint8)
    rows[:, 0] = 2
    flat = pixels.reshape(height, -1)
    rows[0, 1:] = flat[0]
    rows[1:, 1:] = flat[1:] - flat[:-1]
    header = struct.pack('>IIBBBBB', width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(rows.tobytes(), 3))
        + chunk(b'IEND', b'')
    )
