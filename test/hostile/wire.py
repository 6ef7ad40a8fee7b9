# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a hostile peer does below its protocol: broken WebSocket frames, closes, cut connections.

Frames are built here byte by byte, because no library sends what must not be sent.
"""

from __future__ import annotations

from random import Random
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CODES = (0, 999, 1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 3000,
          4001, 4003, 4999, 5000, 65535)  # fmt: skip


def frame(payload: bytes, opcode: int = TEXT, *, end: bool = True, reserved: int = 0) -> bytes:
    """Return one frame as a server sends it."""
    head = bytes([end << 7 | reserved << 4 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + b'\x7e' + struct.pack('!H', len(payload)) + payload
    return head + b'\x7f' + struct.pack('!Q', len(payload)) + payload


def _close(random: Random) -> bytes:
    code = struct.pack('!H', random.choice(_CODES))
    reason = random.choice((b'', b'bye', b'\xff\xfe', b'r' * 123, b'r' * 500, b'\x00'))
    return frame(random.choice((b'', b'\x03', code, code + reason)), CLOSE)


def _fragments(random: Random) -> bytes:
    count = random.choice((2, 50, 5_000))
    middle = frame(random.choice((b'', b' ', b'x' * 100)), 0, end=False)
    last = frame(random.choice((b'', b'}', b'\xff')), 0, end=random.random() < 0.8)
    return frame(b'{', TEXT, end=False) + middle * count + last


def broken(random: Random) -> bytes:
    """Return bytes that no WebSocket library would send."""
    return random.choice(
        (
            lambda: frame(b'{}', random.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15))),
            lambda: frame(b'{"type":"ping"}', reserved=random.randrange(1, 8)),
            lambda: frame(bytes(random.choice((126, 70_000))), PING),
            lambda: frame(b'x', random.choice((CLOSE, PING, PONG)), end=False),
            lambda: frame(b'{}', 0),
            lambda: frame(b'{', TEXT, end=False) + frame(b'{}', TEXT),
            lambda: _fragments(random),
            lambda: b'\x81\x7f' + struct.pack('!Q', random.choice((2**63, 2**40, 2**31))) + b'{',
            lambda: b'\x81\x7e\x00\x01{',  # A length in more bytes than it needs.
            lambda: b'\x81\x82\x00\x00\x00\x00{}',  # Masked, as only clients may.
            lambda: frame(random.choice((b'\xff', b'{"a":"\xed\xa0\x80"}', b'\xc0\xaf'))),
            lambda: frame(b'', PING) * random.choice((10, 3_000)),
            lambda: frame(b'pong', PONG) * random.choice((10, 3_000)),
            lambda: frame(random.randbytes(200), BINARY),
            lambda: random.randbytes(random.choice((1, 10, 3_000))),
            lambda: b'HTTP/1.1 400 Bad Request\r\n\r\n',
            lambda: b'\x81\x05{"a',  # Half a frame; what comes next is its rest.
            lambda: _close(random),
            lambda: _close(random) + frame(b'{"type":"ping"}'),
        )
    )()
