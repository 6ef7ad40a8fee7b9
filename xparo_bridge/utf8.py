# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read texts that people wrote and saved, and say how to save them where they are not UTF-8."""

from __future__ import annotations

from pathlib import Path

from .errors import BadInput

# With a byte order mark, or as they begin without one: a "<" of two bytes.
_UTF_16 = (b'\xff\xfe', b'\xfe\xff', b'<\0', b'\0<')


class NotUtf8(BadInput, ValueError):
    """A text is in another encoding."""


def decoded(data: bytes) -> str:
    """
    Text of bytes in UTF-8.

    :raises NotUtf8: if they are in another encoding; it has no name of a file.
    """
    if data.startswith(_UTF_16):
        raise NotUtf8('it is UTF-16; save it as UTF-8')
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b'\n') + 1
        raise NotUtf8(f'line {line} is not UTF-8; save it as UTF-8') from error


def read_text(path: Path) -> str:
    """
    Text of a file in UTF-8, its line ends as they are read in text mode.

    :raises OSError: if it cannot be read.
    :raises NotUtf8: if it is in another encoding; it has no name of the file.
    """
    return decoded(path.read_bytes()).replace('\r\n', '\n').replace('\r', '\n')
