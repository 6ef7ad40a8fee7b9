# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a link take every frame as RFC 6455 and RFC 7692 say, and end as they say?"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
import hashlib
import struct
from typing import Any
import zlib

import pytest

from xparo_bridge.link import websocket

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10
LARGEST = 100_000  # bytes of a message in these tests
_END = b'the end of the case'


def frame(
    opcode: int,
    payload: bytes = b'',
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes = b'',
    length: int | None = None,
) -> bytes:
    """Return the bytes of a frame as a server sends it; `length` is one that is not true."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    masked = 0x80 if mask else 0
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + struct.pack('!H', size)
    else:
        head += bytes([masked | 127]) + struct.pack('!Q', size)
    if mask:
        payload = mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + payload


def parts(opcode: int, *pieces: bytes, rsv: int = 0, between: bytes = b'') -> bytes:
    """Return a message in fragments, with other frames between them."""
    sent = b''
    for index, piece in enumerate(pieces):
        kind, bits = (opcode, rsv) if index == 0 else (CONTINUATION, 0)
        last = index == len(pieces) - 1
        sent += frame(kind, piece, fin=last, rsv=bits) + (b'' if last else between)
    return sent


def closing(code: int, reason: bytes = b'') -> bytes:
    return frame(CLOSE, struct.pack('!H', code) + reason)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


@dataclass
class Case:
    """What a server sends, what the link makes of it, and with which code it ends."""

    sent: bytes
    messages: list[str | bytes] = field(default_factory=list)
    code: int | tuple[int, ...] = 1000
    pongs: list[bytes] = field(default_factory=list)
    compression: bool = False


CASES: dict[str, Case] = {}
for size in (0, 1, 125, 126, 127, 65535, 65536, LARGEST):
    CASES[f'text of {size}'] = Case(frame(TEXT, b'x' * size), ['x' * size])
    CASES[f'binary of {size}'] = Case(frame(BINARY, b'\xff' * size), [b'\xff' * size])
CASES |= {
    'two fragments': Case(parts(TEXT, b'ab', b'cd'), ['abcd']),
    'ten fragments': Case(parts(BINARY, *[b'ab'] * 10), [b'ab' * 10]),
    'empty fragments': Case(parts(TEXT, b'', b'', b'x', b''), ['x']),
    'only empty fragments': Case(parts(TEXT, b'', b''), ['']),
    'a ping between fragments': Case(
        parts(TEXT, b'a', b'b', between=frame(PING, b'1')), ['ab'], pongs=[b'1']
    ),
    'pings between all fragments': Case(
        parts(TEXT, b'a', b'b', b'c', between=frame(PING)), ['abc'], pongs=[b'', b'']
    ),
    'a pong nobody asked for': Case(frame(PONG, b'x') + frame(TEXT, b'a'), ['a']),
    'a pong between fragments': Case(parts(TEXT, b'a', b'b', between=frame(PONG)), ['ab']),
    'two messages at once': Case(frame(TEXT, b'a') + frame(BINARY, b'b'), ['a', b'b']),
    'a continuation of nothing': Case(frame(CONTINUATION, b'x'), code=1002),
    'a continuation after the end': Case(
        parts(TEXT, b'a', b'b') + frame(CONTINUATION, b'c'), ['ab'], code=1002
    ),
    'a text within fragments': Case(frame(TEXT, b'a', fin=False) + frame(TEXT, b'b'), code=1002),
    'a binary within fragments': Case(
        frame(TEXT, b'a', fin=False) + frame(BINARY, b'b'), code=1002
    ),
    'a close within fragments': Case(
        frame(TEXT, b'a', fin=False) + closing(1001), code=(1001, 1002)
    ),
    'a masked text': Case(frame(TEXT, b'x', mask=b'abcd'), code=1002),
    'a masked ping': Case(frame(PING, b'x', mask=b'abcd'), code=1002),
    'a masked close': Case(frame(CLOSE, struct.pack('!H', 1000), mask=b'abcd'), code=1002),
    'a ping of 125': Case(frame(PING, b'x' * 125), pongs=[b'x' * 125]),
    'a ping of 126': Case(frame(PING, b'x' * 126), code=1002),
    'a pong of 126': Case(frame(PONG, b'x' * 126), code=1002),
    'a close of 126': Case(closing(1000, b'x' * 124), code=1002),
    'a ping in fragments': Case(frame(PING, b'x', fin=False), code=1002),
    'a close in fragments': Case(frame(CLOSE, b'', fin=False), code=1002),
    'a message over the bound': Case(frame(BINARY, b'x' * (LARGEST + 1)), code=1009),
    'fragments over the bound': Case(parts(BINARY, b'x' * LARGEST, b'x', b'x'), code=1009),
    'a length of 2^62': Case(frame(BINARY, b'', length=1 << 62), code=1009),
    'a length with its first bit': Case(
        frame(BINARY, b'', length=(1 << 63) + 1), code=(1002, 1009)
    ),
    'no reason to close': Case(frame(CLOSE), code=(1000, 1005)),
    'half a code': Case(frame(CLOSE, b'\x03'), code=1002),
    'a reason of 123': Case(closing(1000, b'x' * 123)),
    'a reason that is no UTF-8': Case(closing(1000, b'\xff'), code=(1002, 1007)),
    'a frame after the close': Case(closing(1000) + frame(TEXT, b'late')),
}
for name, bits in (('1', RSV1), ('2', RSV2), ('3', RSV3), ('all', RSV1 | RSV2 | RSV3)):
    CASES[f'reserved bit {name} of a text'] = Case(frame(TEXT, b'x', rsv=bits), code=1002)
    CASES[f'reserved bit {name} of a ping'] = Case(frame(PING, b'x', rsv=bits), code=1002)
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    CASES[f'reserved opcode {opcode}'] = Case(frame(opcode, b'x'), code=1002)
for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
    CASES[f'close code {code}'] = Case(closing(code), code=code)
for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
    CASES[f'close code {code}, which is none'] = Case(closing(code), code=1002)
for name, words in {
    'two bytes': 'é',
    'three bytes': '€',
    'four bytes': '😀',
    'the last there is': '\U0010ffff',
    'a null': 'a\0b',
}.items():
    data = words.encode()
    CASES[f'UTF-8 of {name}'] = Case(frame(TEXT, data), [words])
    CASES[f'UTF-8 of {name}, cut'] = Case(parts(TEXT, data[:1], data[1:]), [words])
for name, data in {
    'overlong slash': b'\xc0\xaf',
    'overlong euro': b'\xf0\x82\x82\xac',
    'no first byte': b'\x80',
    'never a byte': b'\xff',
    'half a pair': b'\xed\xa0\x80',
    'beyond the last': b'\xf4\x90\x80\x80',
    'cut off': b'\xe2\x82',
}.items():
    CASES[f'UTF-8: {name}'] = Case(frame(TEXT, b'good ' + data), code=1007)
    CASES[f'UTF-8: {name}, in fragments'] = Case(parts(TEXT, b'good ', data), code=1007)
LONG = b'the same again ' * 100
CASES |= {
    'deflate: a text': Case(
        frame(TEXT, deflated(b'hello'), rsv=RSV1), ['hello'], compression=True
    ),
    'deflate: not used': Case(frame(TEXT, b'hello'), ['hello'], compression=True),
    'deflate: an empty text': Case(frame(TEXT, deflated(b''), rsv=RSV1), [''], compression=True),
    'deflate: fragments': Case(
        parts(TEXT, deflated(LONG)[:5], deflated(LONG)[5:], rsv=RSV1),
        [LONG.decode()],
        compression=True,
    ),
    'deflate: a ping between': Case(
        parts(TEXT, deflated(LONG)[:5], deflated(LONG)[5:], rsv=RSV1, between=frame(PING)),
        [LONG.decode()],
        pongs=[b''],
        compression=True,
    ),
    'deflate: two blocks': Case(
        frame(BINARY, zlib.compressobj(wbits=-15).compress(b'') + deflated(b'ab'), rsv=RSV1),
        [b'ab'],
        compression=True,
    ),
    'deflate: stored block': Case(
        frame(TEXT, b'\x00\x05\x00\xfa\xffHello\x00', rsv=RSV1), ['Hello'], compression=True
    ),
    'deflate: one after the other': Case(
        frame(TEXT, deflated(b'a'), rsv=RSV1) + frame(TEXT, b'b'), ['a', 'b'], compression=True
    ),
    'deflate: bit on a continuation': Case(
        frame(TEXT, deflated(b'a'), fin=False, rsv=RSV1) + frame(CONTINUATION, b'', rsv=RSV1),
        code=1002,
        compression=True,
    ),
    'deflate: bit on a ping': Case(frame(PING, b'', rsv=RSV1), code=1002, compression=True),
    'deflate: reserved bit 2': Case(
        frame(TEXT, deflated(b'a'), rsv=RSV1 | RSV2), code=1002, compression=True
    ),
    'deflate: no deflate': Case(
        frame(TEXT, b'\xff\xff\xff\xff', rsv=RSV1), code=(1002, 1007), compression=True
    ),
    'deflate: invalid UTF-8 within': Case(
        frame(TEXT, deflated(b'\xff'), rsv=RSV1), code=1007, compression=True
    ),
    'deflate: a bomb': Case(
        frame(BINARY, deflated(bytes(100_000_000)), rsv=RSV1), code=1009, compression=True
    ),
    'deflate: not negotiated': Case(frame(TEXT, deflated(b'a'), rsv=RSV1), code=1002),
}


class Server:
    """A server that sends bytes as they are, and reads the client's frames."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.pongs: list[bytes] = []
        self.code: int | None = None
        self.unmasked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b'\r\n\r\n')).decode()
            key = next(
                line.partition(':')[2].strip()
                for line in request.split('\r\n')
                if line.lower().startswith('sec-websocket-key:')
            )
            digest = hashlib.sha1(f'{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11'.encode()).digest()
            extension = (
                'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n'
                if self.case.compression
                else ''
            )
            writer.write(
                'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                f'Connection: Upgrade\r\n{extension}'
                f'Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n\r\n'.encode()
                + self.case.sent
            )
            # If nothing ends the connection, its pong says that all before it was taken.
            writer.write(frame(PING, _END))
            while self.code is None:
                await self._read(reader)
                if _END in self.pongs:
                    self.pongs.remove(_END)
                    writer.write(closing(1000))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), 'big')
        self.unmasked += not second & 0x80
        mask = await reader.readexactly(4)
        data = await reader.readexactly(size)
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        if first & 0xF == PONG:
            self.pongs.append(payload)
        elif first & 0xF == CLOSE:
            self.code = int.from_bytes(payload[:2], 'big') if payload else 1005


async def play(case: Case) -> tuple[Server, list[Any]]:
    """Connect as a link does; the server, and the messages that came before the end."""
    server = Server(case)
    listening = await asyncio.start_server(server.serve, '127.0.0.1', 0)
    port = listening.sockets[0].getsockname()[1]
    socket = await websocket.dial(
        f'ws://127.0.0.1:{port}/',
        headers={},
        tls=None,
        open_timeout=10.0,
        compression=case.compression,
        max_frame_bytes=LARGEST,
        proxy=None,
    )
    messages = []
    try:
        while True:
            messages.append(await socket.recv())
    except Exception as error:  # noqa: BLE001 - whatever the library's releases raise at the end
        assert type(error).__module__.startswith('websockets') or isinstance(error, OSError)
    await socket.close()
    listening.close()
    return server, messages


@pytest.mark.parametrize('name', CASES)
def test_a_frame_is_taken_as_the_standard_says(name):
    case = CASES[name]

    async def talk() -> tuple[Server, list[Any]]:
        async with asyncio.timeout(30):
            return await play(case)

    server, messages = asyncio.run(talk())
    assert messages == case.messages
    assert server.code in (case.code if isinstance(case.code, tuple) else (case.code,))
    assert server.pongs == case.pongs
    assert not server.unmasked


def test_there_are_a_hundred_of_them():
    assert len(CASES) >= 100
