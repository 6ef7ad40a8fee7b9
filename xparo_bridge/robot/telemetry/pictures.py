# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make a file small enough to send of a camera's image, by Pillow.

Encodings are those of sensor_msgs/image_encodings.hpp. What has no colours of its own becomes
gray: depth between its nearest and farthest pixel, other numbers between the least and the most.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Any

import numpy

from ...errors import BadInput

_QUALITY = 75
_SMALLEST = 8  # Pixels a side; what is smaller shows nothing.
# Baseline and progressive; viewers show no other kind of frame.
_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
# Of a JPEG before its size: cameras have about ten, with a picture's preview a few dozen.
_MOST_SEGMENTS = 64
# A picture of a few kB may say that it has this many pixels; unpacked they would fill the memory.
_MOST_PIXELS = 50_000_000

_NUMBERS = re.compile(r'(8|16|32|64)(U|S|F)C(\d{1,4})')
# Names for numbers of channels, and in which of them red, green and blue are.
_NAMED = {
    'mono8': ('8UC1', None),
    'mono16': ('16UC1', None),
    'rgb8': ('8UC3', (0, 1, 2)),
    'rgba8': ('8UC4', (0, 1, 2)),
    'rgb16': ('16UC3', (0, 1, 2)),
    'rgba16': ('16UC4', (0, 1, 2)),
    'bgr8': ('8UC3', (2, 1, 0)),
    'bgra8': ('8UC4', (2, 1, 0)),
    'bgr16': ('16UC3', (2, 1, 0)),
    'bgra16': ('16UC4', (2, 1, 0)),
}
# Which of the four bytes of two pixels are their Y, U and V.
_PACKED = {
    'uyvy': ((1, 3), 0, 2),
    'yuv422': ((1, 3), 0, 2),
    'yuyv': ((0, 2), 1, 3),
    'yuv422_yuy2': ((0, 2), 1, 3),
}
# How many rows and columns share a U and a V behind the Y, and which of the two comes first.
_PLANAR = {'nv12': (2, 2, 'uv'), 'nv21': (2, 2, 'vu'), 'nv16': (1, 2, 'uv'), 'nv24': (1, 1, 'uv')}
_BAYER = re.compile(r'bayer_(rggb|bggr|gbrg|grbg)(8|16)')
# compressed_depth_image_transport puts this before the PNG: an enum, and what depths are made of.
_DEPTH_HEADER = struct.Struct('<iff')


class PictureError(BadInput, ValueError):
    """An image that cannot be made a file of: why."""


def passed_on(image: dict[str, Any], max_width: int, max_bytes: int) -> dict[str, Any] | None:
    """
    Fields of a CompressedImage as a file, where it can go as it is; None where it has to be asked.

    It takes 10 µs, and needs no Pillow, which takes 60 only to look.
    """
    form, data = image['format'], image['data']
    if len(data) > max_bytes or 'compressedDepth' in form:
        return None
    kind, width = _plain_kind(data)
    if not 0 < width <= max_width:
        return None
    return {'format': kind, 'stamp': image['stamp'], 'data': bytes(data)}


def _plain_kind(data: bytes) -> tuple[str, int]:
    """Kind of a file that every viewer shows, and its width, pixels; 0 of anything else."""
    if data[:2] == b'\xff\xd8':
        return 'jpeg', _jpeg_width(data)
    if data[:16] == b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' and len(data) > 25 and data[24] <= 8:
        return 'png', int.from_bytes(data[16:20])
    return '', 0


def _jpeg_width(data: bytes) -> int:
    """Width of a JPEG of 8 bits, gray or of three colours (ITU-T T.81, annex B); else 0."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 10 > len(data) or data[at] != 0xFF:
            return 0
        marker, length = data[at + 1], data[at + 2] << 8 | data[at + 3]
        if marker in _JPEG_FRAMES:
            height = data[at + 5] << 8 | data[at + 6]
            usual = data[at + 4] == 8 and data[at + 9] in (1, 3) and height
            return data[at + 7] << 8 | data[at + 8] if usual else 0
        at += 2 + length
    return 0


def encode_compressed(image: dict[str, Any], max_width: int, max_bytes: int) -> dict[str, Any]:
    """
    Fields of a CompressedImage as a file within the limits.

    A JPEG or PNG of 8 bits that is small enough is passed on as it is.

    :raises PictureError: what cannot be shown.
    """
    ready = passed_on(image, max_width, max_bytes)
    if ready is not None:
        return ready
    form, data = image['format'], bytes(image['data'])
    if 'compressedDepth' in form:
        return _file(_gray(_depths(form, data), depth=True), image['stamp'], max_width, max_bytes)
    picture = _open(data, form)
    kind = picture.format.lower()
    if (
        kind in ('jpeg', 'png')
        and len(data) <= max_bytes
        and picture.width <= max_width
        and picture.mode in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA')
    ):
        return {'format': kind, 'stamp': image['stamp'], 'data': data}
    if picture.mode.startswith(('I', 'F')):
        pixels = _gray(numpy.asarray(picture), depth=True)
        return _file(pixels, image['stamp'], max_width, max_bytes)
    # What a JPEG has more than is needed need not be unpacked.
    picture.draft('RGB', (max_width, max_width * picture.height // max(picture.width, 1) or 1))
    return _shrunk(_loaded(picture).convert('RGB'), image['stamp'], max_width, max_bytes)


def encode_raw(image: dict[str, Any], max_width: int, max_bytes: int) -> dict[str, Any]:
    """
    Fields of an Image as a file within the limits.

    :raises PictureError: what cannot be shown.
    """
    return _file(_pixels(image), image['stamp'], max_width, max_bytes)


# --- what is in an Image ---


def _pixels(image: dict[str, Any]) -> Any:
    """Array of height x width x 3 (RGB), or of height x width (gray), of uint8."""
    encoding = image['encoding']
    if not image['height'] or not image['width']:
        raise PictureError(f'it is {image["width"]} x {image["height"]}')
    if encoding in _PACKED:
        return _packed(image, *_PACKED[encoding])
    if encoding.lower() in _PLANAR:
        return _planar(image, *_PLANAR[encoding.lower()])
    if bayer := _BAYER.fullmatch(encoding):
        return _bayer(_numbers(image, f'{bayer[2]}UC1')[:, :, 0], bayer[1])
    name, colours = _NAMED.get(encoding, (encoding, None))
    if not _NUMBERS.fullmatch(name):
        raise PictureError(f'its encoding "{encoding}" is none of sensor_msgs/image_encodings.hpp')
    numbers = _numbers(image, name)
    channels = numbers.shape[2]
    if channels < 3:  # Of two, such as a flow, the first.
        numbers = numbers[:, :, 0]
        return numbers if numbers.dtype == numpy.uint8 else _gray(numbers, depth=channels == 1)
    # Without names the order is OpenCV's.
    numbers = numbers[:, :, colours or (2, 1, 0)]
    if numbers.dtype == numpy.uint8:
        return numbers
    if numbers.dtype == numpy.uint16:
        return (numbers >> 8).astype(numpy.uint8)
    return _gray(numbers, depth=False)


def _rows(image: dict[str, Any], height: int, needed: int) -> Any:
    """Array of `height` rows of `needed` bytes each."""
    # A step of 0, which some drivers leave, can only mean that nothing is between the rows.
    step = image['step'] or needed
    data = numpy.frombuffer(image['data'], numpy.uint8)
    if step < needed:
        raise PictureError(f'a row has {step} bytes (step), expected {needed}')
    if data.size < step * (height - 1) + needed:
        raise PictureError(f'it has {data.size} bytes, expected {step * height}')
    return numpy.lib.stride_tricks.as_strided(data, (height, needed), (step, 1), writeable=False)


def _numbers(image: dict[str, Any], name: str) -> Any:
    """Array of height x width x channels, of the type that a name such as 16UC3 says."""
    match = _NUMBERS.fullmatch(name)
    assert match is not None
    bits, kind, channels = int(match[1]), match[2], int(match[3])
    if not channels or (kind == 'F' and bits == 8):
        raise PictureError(f'its encoding "{image["encoding"]}" is none')
    order = '>' if image['is_bigendian'] else '<'
    dtype = numpy.dtype(f'{order}{kind.lower().replace("s", "i")}{bits // 8}')
    height, width = image['height'], image['width']
    rows = numpy.ascontiguousarray(_rows(image, height, width * channels * dtype.itemsize))
    numbers = rows.view(dtype).reshape(height, width, channels)
    return numbers.astype(dtype.newbyteorder('='), copy=False)


def _gray(numbers: Any, depth: bool) -> Any:
    """
    Scale numbers to 0…255; what is not finite is black.

    In a depth image nothing was measured where there is 0.
    """
    known = numpy.isfinite(numbers)
    if depth and numbers.dtype.kind in 'uf':
        known &= numbers > 0
    if not known.any():
        return numpy.zeros(numbers.shape, numpy.uint8)
    least, most = float(numbers[known].min()), float(numbers[known].max())
    scale = 255 / (most - least) if most > least else 0.0
    with numpy.errstate(invalid='ignore', over='ignore'):
        scaled = (numpy.where(known, numbers, least).astype(numpy.float64) - least) * scale
    return scaled.astype(numpy.uint8)


def _packed(image: dict[str, Any], luma: tuple[int, int], u: int, v: int) -> Any:
    height, width = image['height'], image['width']
    if width < 2:
        raise PictureError(f'it is {width} wide, expected at least 2 of "{image["encoding"]}"')
    pairs = _rows(image, height, width // 2 * 4).reshape(height, width // 2, 4)
    y = pairs[:, :, luma].reshape(height, -1)
    return _rgb(y, pairs[:, :, u].repeat(2, axis=1), pairs[:, :, v].repeat(2, axis=1))


def _planar(image: dict[str, Any], rows: int, columns: int, order: str) -> Any:
    height, width = image['height'] // rows * rows, image['width'] // columns * columns
    if not height or not width:
        raise PictureError(f'it is too small for "{image["encoding"]}"')
    step = image['step'] or width
    if step < width:
        raise PictureError(f'a row has {step} bytes (step), expected {width}')
    data = numpy.frombuffer(image['data'], numpy.uint8)
    luma = step * image['height']
    # Behind the Y: for each shared U and V two bytes, in rows as long as the Y's for their number.
    pitch = step * 2 // columns
    more = pitch * (height // rows)
    if data.size < luma + more:
        raise PictureError(f'it has {data.size} bytes, expected {luma + more}')
    y = data[:luma].reshape(image['height'], step)[:height, :width]
    chroma = data[luma : luma + more].reshape(height // rows, pitch)[:, : width // columns * 2]
    chroma = chroma.reshape(height // rows, width // columns, 2)
    chroma = chroma.repeat(rows, axis=0).repeat(columns, axis=1)
    return _rgb(y, chroma[:, :, order.index('u')], chroma[:, :, order.index('v')])


def _rgb(y: Any, u: Any, v: Any) -> Any:
    """RGB of YUV as cameras have it (ITU-R BT.601, Y from 16 to 235)."""
    luma = 1.164 * (y.astype(numpy.float32) - 16)
    blue, red = u.astype(numpy.float32) - 128, v.astype(numpy.float32) - 128
    made = (luma + 1.596 * red, luma - 0.813 * red - 0.391 * blue, luma + 2.018 * blue)
    return numpy.clip(numpy.stack(made, axis=-1) + 0.5, 0, 255).astype(numpy.uint8)


def _bayer(mosaic: Any, pattern: str) -> Any:
    """One pixel of each four, red, two greens and blue."""
    height, width = mosaic.shape[0] // 2 * 2, mosaic.shape[1] // 2 * 2
    if not height or not width:
        raise PictureError('it is too small for a Bayer pattern')
    if mosaic.dtype != numpy.uint8:
        mosaic = (mosaic >> 8).astype(numpy.uint8)
    parts: dict[str, list[Any]] = {'r': [], 'g': [], 'b': []}
    for at, colour in enumerate(pattern):
        parts[colour].append(mosaic[at // 2 : height : 2, at % 2 : width : 2])
    first, second = parts['g']
    green = (first.astype(numpy.uint16) + second) // 2
    return numpy.stack((parts['r'][0], green.astype(numpy.uint8), parts['b'][0]), axis=-1)


# --- what is in a CompressedImage ---


def _open(data: bytes, form: str) -> Any:
    import PIL.Image  # As late as this: most robots send no pictures.

    try:
        picture = PIL.Image.open(io.BytesIO(data))
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise PictureError(f'its format "{form[:80]}" cannot be read') from error
    if picture.width * picture.height > _MOST_PIXELS:
        raise PictureError(f'it has {picture.width} x {picture.height} pixels, too many')
    return picture


def _loaded(picture: Any) -> Any:
    try:
        picture.load()
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        raise PictureError(f'its data is damaged: {error}') from error
    return picture


def _depths(form: str, data: bytes) -> Any:
    """Depths of what compressed_depth_image_transport makes, in units of its own."""
    if len(data) < _DEPTH_HEADER.size or 'rvl' in form.lower():
        raise PictureError(f'its format "{form[:80]}" cannot be read')
    _, a, b = _DEPTH_HEADER.unpack_from(data)
    numbers = numpy.asarray(_loaded(_open(data[_DEPTH_HEADER.size :], form)))
    if numbers.ndim != 2:
        raise PictureError(f'its format "{form[:80]}" has colours')
    numbers = numbers.astype(numpy.float64)
    if not form.startswith('32FC1'):
        return numbers
    with numpy.errstate(divide='ignore', invalid='ignore'):
        return numpy.where(numbers > 0, a / (numbers - b), 0.0)


# --- the file ---


def _file(pixels: Any, stamp: float, max_width: int, max_bytes: int) -> dict[str, Any]:
    import PIL.Image

    picture = PIL.Image.fromarray(numpy.ascontiguousarray(pixels))
    return _shrunk(picture, stamp, max_width, max_bytes)


def _shrunk(picture: Any, stamp: float, max_width: int, max_bytes: int) -> dict[str, Any]:
    width = min(max_width, picture.width)
    while True:
        height = max(1, round(picture.height * width / picture.width))
        made = picture if width == picture.width else picture.resize((width, height), _BOX)
        file = io.BytesIO()
        made.save(file, 'JPEG', quality=_QUALITY)
        if file.tell() <= max_bytes:
            return {'format': 'jpeg', 'stamp': stamp, 'data': file.getvalue()}
        width = width * 7 // 10
        if min(width, height * 7 // 10) < _SMALLEST:
            raise PictureError(f'it cannot be brought within {max_bytes} bytes')


_BOX = 4  # PIL.Image.Resampling.BOX, the mean of the pixels that become one.
