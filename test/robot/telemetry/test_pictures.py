# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A file is made of every image that ROS has, and what cannot be shown is named."""

import io
import struct
import sys
import time
import zlib

import numpy
import PIL.Image
import pytest

from xparo_bridge.robot.telemetry.pictures import (
    _pixels,
    encode_compressed,
    encode_raw,
    passed_on,
    PictureError,
)

# Left half one colour, right half another: JPEG keeps areas within a few levels.
RED, BLUE = (200, 40, 30), (30, 60, 180)
HEIGHT, WIDTH = 32, 64


def halves(left, right, dtype=numpy.uint8):
    """Two areas of 32 x 32 pixels with these channels."""
    pixels = numpy.empty((HEIGHT, WIDTH, len(left)), dtype)
    pixels[:, : WIDTH // 2], pixels[:, WIDTH // 2 :] = left, right
    return pixels


def raw(pixels, encoding, padding=0, big=False, width=WIDTH, height=HEIGHT):
    """Fields of an Image of the rows that `pixels` has."""
    rows = [row.tobytes() + bytes(padding) for row in pixels]
    return {
        'stamp': 1.5,
        'height': height,
        'width': width,
        'encoding': encoding,
        'is_bigendian': int(big),
        'step': len(rows[0]) if rows else 0,
        'data': b''.join(rows),
    }


def shown(file):
    """Means of the left and of the right half, as RGB."""
    assert file['stamp'] == 1.5
    pixels = numpy.asarray(PIL.Image.open(io.BytesIO(file['data'])).convert('RGB'), float)
    half = pixels.shape[1] // 2
    return [
        pixels[2:-2, area].mean(axis=(0, 1)) for area in (slice(2, half - 2), slice(half + 2, -2))
    ]


def alpha(colour):
    return (*colour, 7)


def wide(colour):
    return tuple(value * 257 for value in colour)


def reverse(colour):
    return colour[::-1]


COLOURS = [
    ('rgb8', RED, BLUE, '=u1'),
    ('rgba8', alpha(RED), alpha(BLUE), '=u1'),
    ('bgr8', reverse(RED), reverse(BLUE), '=u1'),
    ('bgra8', alpha(reverse(RED)), alpha(reverse(BLUE)), '=u1'),
    ('8UC3', reverse(RED), reverse(BLUE), '=u1'),
    ('8UC4', alpha(reverse(RED)), alpha(reverse(BLUE)), '=u1'),
    ('rgb16', wide(RED), wide(BLUE), '<u2'),
    ('rgba16', wide(alpha(RED)), wide(alpha(BLUE)), '<u2'),
    ('bgr16', wide(reverse(RED)), wide(reverse(BLUE)), '>u2'),
    ('bgra16', wide(alpha(reverse(RED))), wide(alpha(reverse(BLUE))), '>u2'),
    ('16UC3', wide(reverse(RED)), wide(reverse(BLUE)), '<u2'),
]


@pytest.mark.parametrize(('encoding', 'left', 'right', 'dtype'), COLOURS)
@pytest.mark.parametrize('padding', [0, 4])
def test_colours_come_out_as_they_went_in(encoding, left, right, dtype, padding):
    image = raw(halves(left, right, dtype), encoding, padding, big=dtype.startswith('>'))
    for half, colour in zip(shown(encode_raw(image, 640, 100_000)), (RED, BLUE), strict=True):
        assert half == pytest.approx(colour, abs=6)


def yuv(colour):
    """Y, U and V as cameras have them (BT.601)."""
    r, g, b = colour
    return (
        round(16 + 0.257 * r + 0.504 * g + 0.098 * b),
        round(128 - 0.148 * r - 0.291 * g + 0.439 * b),
        round(128 + 0.439 * r - 0.368 * g - 0.071 * b),
    )


def packed(order):
    """Rows of two pixels in four bytes, in an order such as uyvy."""
    rows = []
    for colour in (RED, BLUE):
        y, u, v = yuv(colour)
        rows.append([{'y': y, 'u': u, 'v': v}[letter] for letter in order] * (WIDTH // 4))
    return numpy.tile(numpy.array([*rows[0], *rows[1]], numpy.uint8), (HEIGHT, 1))


def planar(rows, columns, order):
    """Y of all pixels, then U and V of each area of `rows` x `columns`."""
    parts = [dict(zip('yuv', yuv(colour), strict=True)) for colour in (RED, BLUE)]
    luma = halves(*([part['y']] for part in parts))[:, :, 0]
    areas = [[part[letter] for letter in order] * (WIDTH // 2 // columns) for part in parts]
    chroma = numpy.tile(numpy.array(areas[0] + areas[1], numpy.uint8), (HEIGHT // rows, 1))
    return luma.tobytes() + chroma.tobytes()


@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('uyvy', 'uyvy'), ('yuv422', 'uyvy'), ('yuyv', 'yuyv'), ('yuv422_yuy2', 'yuyv')],
)
def test_packed_yuv_is_shown_in_its_colours(encoding, order):
    file = encode_raw(raw(packed(order), encoding), 640, 100_000)
    for half, colour in zip(shown(file), (RED, BLUE), strict=True):
        assert half == pytest.approx(colour, abs=8)


@pytest.mark.parametrize(
    ('encoding', 'rows', 'columns', 'order'),
    [('nv21', 2, 2, 'vu'), ('nv12', 2, 2, 'uv'), ('nv16', 1, 2, 'uv'), ('nv24', 1, 1, 'uv')],
)
def test_planar_yuv_is_shown_in_its_colours(encoding, rows, columns, order):
    image = raw(numpy.empty((0, 0)), encoding)
    image |= {'step': WIDTH, 'data': planar(rows, columns, order)}
    for half, colour in zip(shown(encode_raw(image, 640, 100_000)), (RED, BLUE), strict=True):
        assert half == pytest.approx(colour, abs=8)


@pytest.mark.parametrize(
    ('encoding', 'rows', 'columns', 'order'),
    [('nv21', 2, 2, 'vu'), ('nv12', 2, 2, 'uv'), ('nv16', 1, 2, 'uv'), ('nv24', 1, 1, 'uv')],
)
def test_of_planar_yuv_no_row_is_lost_and_each_has_its_own_colour(encoding, rows, columns, order):
    # Bands across the picture, as high as the rows that share a U and a V.
    colours = [(RED, BLUE)[row // rows % 2] for row in range(HEIGHT)]
    luma = numpy.array([[yuv(colour)[0]] * WIDTH for colour in colours], numpy.uint8)
    chroma = [
        [yuv(colour)['yuv'.index(letter)] for letter in order] * (WIDTH // columns)
        for colour in colours[::rows]
    ]
    image = raw(numpy.empty((0, 0)), encoding)
    data = luma.tobytes() + numpy.array(chroma, numpy.uint8).tobytes()
    pixels = _pixels(image | {'step': WIDTH, 'data': data})
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    for row, colour in zip(pixels, colours, strict=True):
        assert row.mean(axis=0) == pytest.approx(colour, abs=3)
        assert row.std(axis=0) == pytest.approx((0, 0, 0), abs=0.01)


def test_of_packed_yuv_no_row_and_no_column_is_lost():
    pixels = _pixels(raw(packed('uyvy'), 'uyvy'))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    odd = _pixels(raw(packed('uyvy'), 'uyvy') | {'width': WIDTH - 1})  # The last is half a pair.
    assert odd.shape == (HEIGHT, WIDTH - 2, 3)


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_bayer_pattern_is_shown_in_its_colours(pattern, bits):
    dtype = numpy.dtype(f'<u{bits // 8}')
    mosaic = numpy.empty((HEIGHT, WIDTH), dtype)
    for half, colour in ((slice(0, WIDTH // 2), RED), (slice(WIDTH // 2, WIDTH), BLUE)):
        for at, letter in enumerate(pattern):
            value = colour['rgb'.index(letter)] * (257 if bits == 16 else 1)
            mosaic[at // 2 :: 2, half.start + at % 2 : half.stop : 2] = value
    file = encode_raw(raw(mosaic, f'bayer_{pattern}{bits}'), 640, 100_000)
    for half, colour in zip(shown(file), (RED, BLUE), strict=True):
        assert half == pytest.approx(colour, abs=6)


GRAYS = [
    f'{bits}{kind}C{channels}'
    for kind, sizes in (('U', (8, 16, 32, 64)), ('S', (8, 16, 32, 64)), ('F', (16, 32, 64)))
    for bits in sizes
    for channels in (1, 2, 3, 4, 7)
]


@pytest.mark.parametrize('encoding', [*GRAYS, 'mono8', 'mono16'])
@pytest.mark.parametrize('big', [False, True])
def test_numbers_of_every_type_and_count_are_shown_dark_to_bright(encoding, big):
    name = {'mono8': '8UC1', 'mono16': '16UC1'}.get(encoding, encoding)
    size, channels = name.split('C')
    dtype = numpy.dtype(
        f'{"<>"[big]}{ {"U": "u", "S": "i", "F": "f"}[size[-1]] }{int(size[:-1]) // 8}'
    )
    top = 200 if size == '8U' else 65000 if size == '16U' else 100
    image = raw(halves([1] * int(channels), [top] * int(channels), dtype), encoding, big=big)
    dark, bright = shown(encode_raw(image, 640, 100_000))
    assert max(dark) < 10
    assert min(bright) > 190


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'unknown'),
    [
        ('16UC1', '<u2', 0),
        ('mono16', '>u2', 0),
        ('32FC1', '<f4', numpy.nan),
        ('64FC1', '<f8', numpy.inf),
    ],
)
def test_depths_become_gray_from_near_to_far(encoding, dtype, unknown):
    depths = halves([1000], [3000], dtype)[:, :, 0]
    depths[: HEIGHT // 2] = unknown
    file = encode_raw(raw(depths, encoding, big=dtype.startswith('>')), 640, 10_000)
    gray = numpy.asarray(PIL.Image.open(io.BytesIO(file['data'])))
    assert gray[4, 60] < 10  # Not measured.
    assert gray[28, 4] < 10  # Near.
    assert gray[28, 60] > 245  # Far.


def test_an_image_in_which_nothing_was_measured_is_black():
    file = encode_raw(raw(halves([0], [0], '<f4'), '32FC1'), 640, 10_000)
    assert numpy.asarray(PIL.Image.open(io.BytesIO(file['data']))).max() == 0


@pytest.mark.parametrize(
    ('changes', 'problem'),
    [
        ({'height': 0}, '64 x 0'),
        ({'width': 0, 'step': 0}, '0 x 32'),
        ({'data': b'short'}, 'it has 5 bytes, expected 6144'),
        ({'data': b''}, 'it has 0 bytes'),
        ({'step': 5}, r'a row has 5 bytes \(step\), expected 192'),
        ({'height': 2**31}, 'bytes, expected'),
        ({'width': 2**31}, 'a row has 192 bytes'),
        ({'encoding': ''}, '"" is none'),
        ({'encoding': 'jpeg'}, '"jpeg" is none of sensor_msgs'),
        ({'encoding': '8FC1'}, '"8FC1" is none'),
        ({'encoding': '8UC0'}, '"8UC0" is none'),
        ({'encoding': 'bayer_rggb8', 'width': 1}, 'too small'),
        ({'encoding': 'uyvy', 'width': 1}, '1 wide'),
        ({'encoding': 'nv21', 'height': 1}, 'too small'),
        ({'encoding': 'nv24', 'data': bytes(64 * 33)}, 'expected'),
    ],
)
def test_what_cannot_be_shown_is_named(changes, problem):
    image = raw(halves(RED, BLUE), 'rgb8') | changes
    with pytest.raises(PictureError, match=problem):
        encode_raw(image, 640, 100_000)


def test_a_step_of_0_means_that_nothing_is_between_the_rows():
    file = encode_raw(raw(halves(RED, BLUE), 'rgb8') | {'step': 0}, 640, 100_000)
    assert shown(file)[0] == pytest.approx(RED, abs=6)


def test_a_wide_image_is_made_narrow_and_a_large_file_small():
    noise = numpy.random.default_rng(2).integers(0, 256, (240, 320), numpy.uint8)
    image = raw(noise, 'mono8', width=320, height=240)
    narrow = encode_raw(image, 100, 100_000)
    assert PIL.Image.open(io.BytesIO(narrow['data'])).size == (100, 75)
    assert len(encode_raw(image, 640, 3000)['data']) <= 3000
    with pytest.raises(PictureError, match='within 50 bytes'):
        encode_raw(image, 640, 50)


def file_of(pixels, form, **options):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize('form', ['jpeg', 'png'])
def test_a_compressed_image_within_the_limits_is_passed_on(form):
    data = file_of(halves(RED, BLUE), form)
    image = {'stamp': 1.5, 'format': f'rgb8; {form} compressed bgr8', 'data': data}
    assert encode_compressed(image, 640, 100_000) == {'format': form, 'stamp': 1.5, 'data': data}
    narrow = encode_compressed(image, 32, 100_000)
    assert PIL.Image.open(io.BytesIO(narrow['data'])).width == 32
    assert shown(narrow)[1] == pytest.approx(BLUE, abs=8)


@pytest.mark.parametrize('form', ['webp', 'tiff', 'bmp', 'gif'])
def test_other_files_are_made_jpegs(form):
    data = file_of(halves(RED, BLUE), form)
    image = {'stamp': 1.5, 'format': f'bgr8; {form} compressed bgr8', 'data': data}
    made = encode_compressed(image, 640, 100_000)
    assert made['format'] == 'jpeg'
    assert shown(made)[0] == pytest.approx(RED, abs=12)


def test_a_png_of_16_bits_is_made_one_that_can_be_looked_at():
    data = file_of(halves([1000], [3000], numpy.uint16)[:, :, 0], 'png')
    made = encode_compressed({'stamp': 1.5, 'format': '16UC1; png', 'data': data}, 32, 100_000)
    assert PIL.Image.open(io.BytesIO(made['data'])).size == (32, 16)
    assert shown(made)[0][0] < 10
    assert shown(made)[1][0] > 245


@pytest.mark.parametrize('kind', ['16UC1', '32FC1'])
@pytest.mark.parametrize('suffix', ['compressedDepth', 'compressedDepth png'])
def test_compressed_depth_is_shown_gray_from_near_to_far(kind, suffix):
    a, b = 100.0, 0.0
    near, far = (100, 10) if kind == '32FC1' else (1000, 3000)  # 1 m and 10 m, by a / number.
    data = struct.pack('<iff', 0, a, b) + file_of(
        halves([near], [far], numpy.uint16)[:, :, 0], 'png'
    )
    image = {'stamp': 1.5, 'format': f'{kind}; {suffix}', 'data': data}
    made = encode_compressed(image, 640, 100_000)
    assert shown(made)[0][0] < 10
    assert shown(made)[1][0] > 245


def bomb():
    """A PNG of a few kB that unpacks to 10^10 pixels."""

    def chunk(kind, data):
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', 100_000, 100_000, 8, 0, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(bytes(1000)))
    )


NOISE = numpy.random.default_rng(3).integers(0, 256, (240, 320, 3), numpy.uint8)


@pytest.mark.parametrize(
    ('form', 'data', 'problem'),
    [
        ('jpeg', b'', 'its format "jpeg" cannot be read'),
        ('jpeg', b'\xff\xd8\xff no picture', 'its format "jpeg" cannot be read'),
        ('h264', b'\x00\x00\x00\x01' * 100, 'its format "h264" cannot be read'),
        ('png', file_of(NOISE, 'png')[:20_000], 'damaged'),
        ('png', bomb(), 'too many|cannot be read'),
        ('16UC1; compressedDepth', b'short', 'compressedDepth" cannot be read'),
        ('16UC1; compressedDepth', bytes(12) + b'no png', 'compressedDepth" cannot be read'),
        ('16UC1; compressedDepth rvl', bytes(100), 'rvl" cannot be read'),
    ],
)
def test_files_that_cannot_be_read_are_named_by_their_format(form, data, problem):
    begin = time.monotonic()
    with pytest.raises(PictureError, match=problem):
        encode_compressed({'stamp': 1.5, 'format': form, 'data': data}, 100, 100_000)
    assert time.monotonic() - begin < 5.0


def saved(form, mode, **options):
    file = io.BytesIO()
    picture = PIL.Image.new(mode, (40, 30), 1)
    picture.save(file, form, **options)
    return file.getvalue()


AS_THEY_ARE = {
    'gray': ('JPEG', 'L', {}),
    'colours': ('JPEG', 'RGB', {}),
    'progressive': ('JPEG', 'RGB', {'progressive': True}),
    'with a profile': (
        'JPEG',
        'RGB',
        {'icc_profile': b'p' * 99_000},
    ),
    'black and white': ('PNG', '1', {}),
    'gray png': ('PNG', 'L', {}),
    'palette': ('PNG', 'P', {}),
    'gray with alpha': ('PNG', 'LA', {}),
    'colours png': ('PNG', 'RGB', {}),
    'colours with alpha': ('PNG', 'RGBA', {}),
}


@pytest.mark.parametrize(('form', 'mode', 'options'), AS_THEY_ARE.values(), ids=AS_THEY_ARE)
def test_what_every_viewer_shows_goes_as_it_is_without_pillow(form, mode, options, monkeypatch):
    data = saved(form, mode, **options)
    monkeypatch.setitem(sys.modules, 'PIL', None)
    monkeypatch.setitem(sys.modules, 'PIL.Image', None)
    image = {'stamp': 1.5, 'format': form.lower(), 'data': data}
    made = {'stamp': 1.5, 'format': form.lower(), 'data': data}
    assert passed_on(image, 40, len(data)) == made
    assert encode_compressed(image, 40, len(data)) == made
    assert passed_on(image, 39, len(data)) is None
    assert passed_on(image, 40, len(data) - 1) is None


NOT_AS_THEY_ARE = {
    'four colours': saved('JPEG', 'CMYK'),
    '16 bits': saved('PNG', 'I;16'),
    'another kind of file': saved('BMP', 'RGB'),
    'nothing': b'',
    'a beginning alone': b'\xff\xd8',
    'segments without end': b'\xff\xd8' + b'\xff\xe0\0\2' * 10_000,
    'a segment of length 0': b'\xff\xd8' + b'\xff\xe0\0\0' * 10_000,
}


@pytest.mark.parametrize('data', NOT_AS_THEY_ARE.values(), ids=NOT_AS_THEY_ARE)
def test_what_is_not_plainly_shown_is_left_to_pillow(data):
    assert passed_on({'stamp': 0.0, 'format': 'jpeg', 'data': data}, 10_000, 1 << 20) is None


@pytest.mark.parametrize(('form', 'mode'), [('JPEG', 'RGB'), ('PNG', 'RGBA')])
def test_a_file_that_is_cut_short_or_damaged_raises_nothing(form, mode):
    data = saved(form, mode)
    for end in range(len(data)):
        passed_on({'stamp': 0.0, 'format': form, 'data': data[:end]}, 10_000, 1 << 20)
    for at in range(min(len(data), 700)):
        damaged = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        passed_on({'stamp': 0.0, 'format': form, 'data': damaged}, 10_000, 1 << 20)
