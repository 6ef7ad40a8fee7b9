# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A grey picture as PNG: what a map is drawn with, for which no library is needed."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def grey_png(shades: NDArray[np.uint8]) -> bytes:
    """Return rows of shades, the first row on top, as a PNG file (RFC 2083)."""
    height, width = shades.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', check)

    lines = b''.join(b'\0' + row.tobytes() for row in shades)
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        (
            chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)),
            chunk(b'IDAT', zlib.compress(lines, 9)),
            chunk(b'IEND', b''),
        )
    )


def data_url(png: bytes) -> str:
    """Return a picture as an address within a page."""
    return 'data:image/png;base64,' + base64.b64encode(png).decode()
