# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write MCAP files that can be read whenever their writer dies, and read them back (mcap.dev/spec).

Messages are collected into chunks, uncompressed, each written by one call with its indexes. What
is on disk up to the last whole chunk is readable without the summary that `finish` adds; `read`
stops where a file is torn.

Neither rosbag2_py, which keeps the interpreter's lock while a disk takes its time and would hold
up the whole bridge, nor the package mcap, which no rosdep key installs, is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import struct
from typing import NamedTuple
import zlib

MAGIC = b'\x89MCAP0\r\n'
LIBRARY = 'xparo_bridge'
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = range(1, 7)
_MESSAGE_INDEX, _CHUNK_INDEX = 7, 8
_STATISTICS, _METADATA, _METADATA_INDEX, _SUMMARY_OFFSET, _DATA_END = 11, 12, 13, 14, 15

_RECORD = struct.Struct('<BQ')
_MESSAGE_HEAD = struct.Struct('<BQHIQQ')
_MESSAGE_FIELDS = struct.Struct('<HIQQ')
_CHUNK_HEAD = struct.Struct('<QQQI')
# A chunk that claims more is no chunk of a robot's, but bytes that were never written.
_LARGEST_CHUNK = 1 << 30


@dataclass(frozen=True)
class Channel:
    """A topic: its type by name and as text (ros2msg), and what rosbag2 keeps beside it."""

    topic: str
    type: str
    definition: bytes
    metadata: tuple[tuple[str, str], ...] = ()


class Message(NamedTuple):
    """One serialized message; times in ns since 1970, the first when it was recorded."""

    channel: Channel
    sequence: int
    log_time: int
    publish_time: int
    data: bytes


class _WrittenChunk(NamedTuple):
    start: int
    end: int
    offset: int
    length: int
    indexes: dict[int, int]
    indexes_length: int
    size: int


class Writer:
    """
    Writes one file; `flush` makes readable what was added, `finish` adds the summary.

    An OSError of either leaves the file readable up to the last chunk that was written; nothing is
    to be added after it.
    """

    def __init__(self, descriptor: int) -> None:
        """
        Begin the file that was opened as `descriptor`, which is closed by `close`.

        :raises OSError: where the disk does not take it.
        """
        self._file = descriptor
        self._position = 0
        self._types: dict[tuple[str, bytes], int] = {}
        self._channels: dict[Channel, int] = {}
        self._schema_bytes: list[bytes] = []
        self._channel_bytes: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._index: dict[int, list[int]] = {}
        self._start = self._end = 0
        self._chunks: list[_WrittenChunk] = []
        self._metadata: list[tuple[int, int, str]] = []
        self.counts: dict[Channel, int] = {}
        # Of all messages, ns; 0 while there is none.
        self.first = self.last = 0
        self._write(MAGIC + _record(_HEADER, _text('ros2') + _text(LIBRARY)))

    @property
    def size(self) -> int:
        """Bytes of the file, with what waits for `flush`."""
        return self._position + self._size

    @property
    def waiting(self) -> int:
        """Bytes that wait for `flush`."""
        return self._size

    def add(self, message: Message) -> None:
        """Take a message into the chunk that `flush` will write."""
        channel, sequence, log_time, publish_time, data = message
        number = self._channels.get(channel) or self._define(channel)
        index = self._index.get(number)
        if index is None:
            index = self._index[number] = []
        if not self._end:
            self._start = self._end = log_time
        elif log_time > self._end:
            self._end = log_time
        elif log_time < self._start:
            self._start = log_time
        index += (log_time, self._size)
        length = len(data) + 22
        self._parts.append(
            _MESSAGE_HEAD.pack(_MESSAGE, length, number, sequence, log_time, publish_time)
        )
        self._parts.append(data)
        self._size += length + 9

    def add_metadata(self, name: str, values: dict[str, str]) -> None:
        """
        Write a record of names and values.

        :raises OSError: where the disk does not take it.
        """
        self.flush()
        pairs = b''.join(_text(key) + _text(value) for key, value in values.items())
        record = _record(_METADATA, _text(name) + struct.pack('<I', len(pairs)) + pairs)
        self._metadata.append((self._position, len(record), name))
        self._write(record)

    def flush(self) -> None:
        """
        Write what was added as a chunk, if anything was.

        :raises OSError: where the disk does not take it; it is lost then.
        """
        if not self._parts:
            return
        index, start, end = self._index, self._start, self._end
        records, self._parts = b''.join(self._parts), []
        self._index, self._size, self._start, self._end = {}, 0, 0, 0
        head = _CHUNK_HEAD.pack(start, end, len(records), zlib.crc32(records)) + _text('')
        chunk_length = 9 + len(head) + 8 + len(records)
        parts = [
            _RECORD.pack(_CHUNK, chunk_length - 9),
            head,
            struct.pack('<Q', len(records)),
            records,
        ]
        offsets, at = {}, self._position + chunk_length
        for number, entries in index.items():
            offsets[number] = at
            record = _record(
                _MESSAGE_INDEX,
                struct.pack(f'<HI{len(entries)}Q', number, len(entries) * 8, *entries),
            )
            parts.append(record)
            at += len(record)
        begin = self._position
        self._write(b''.join(parts))
        self._chunks.append(
            _WrittenChunk(
                start, end, begin, chunk_length, offsets, at - begin - chunk_length, len(records)
            )
        )
        by_number = {number: channel for channel, number in self._channels.items()}
        for number, entries in index.items():
            channel = by_number[number]
            self.counts[channel] = self.counts.get(channel, 0) + len(entries) // 2
        if index:
            self.first = min(self.first or start, start)
            self.last = max(self.last, end)

    def finish(self) -> None:
        """
        Add the summary, with which readers need not look through the whole file.

        :raises OSError: where the disk does not take it.
        """
        self.flush()
        statistics = struct.pack(
            '<QHIIIIQQI',
            sum(self.counts.values()),
            len(self._schema_bytes),
            len(self._channels),
            0,
            len(self._metadata),
            len(self._chunks),
            self.first,
            self.last,
            10 * len(self.counts),
        ) + b''.join(
            struct.pack('<HQ', self._channels[channel], count)
            for channel, count in self.counts.items()
        )
        data_end = _record(_DATA_END, struct.pack('<I', 0))
        begin = at = self._position + len(data_end)
        groups = (
            (_SCHEMA, b''.join(self._schema_bytes)),
            (_CHANNEL, b''.join(self._channel_bytes)),
            (_STATISTICS, _record(_STATISTICS, statistics)),
            (_CHUNK_INDEX, b''.join(map(_chunk_index, self._chunks))),
            (
                _METADATA_INDEX,
                b''.join(
                    _record(_METADATA_INDEX, struct.pack('<QQ', offset, length) + _text(name))
                    for offset, length, name in self._metadata
                ),
            ),
        )
        summary, offsets = b'', b''
        for opcode, records in groups:
            if records:
                place = struct.pack('<BQQ', opcode, at, len(records))
                offsets += _record(_SUMMARY_OFFSET, place)
                summary += records
                at += len(records)
        footer = _RECORD.pack(_FOOTER, 20) + struct.pack('<QQ', begin, at)
        crc = zlib.crc32(summary + offsets + footer)
        self._write(data_end + summary + offsets + footer + struct.pack('<I', crc) + MAGIC)

    def sync(self) -> None:
        """
        Have the disk keep what was written also through a power cut.

        :raises OSError: where it does not.
        """
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file as it is."""
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _define(self, channel: Channel) -> int:
        kind = channel.type, channel.definition
        if kind not in self._types:
            self._types[kind] = len(self._types) + 1
            schema = _record(
                _SCHEMA,
                struct.pack('<H', self._types[kind])
                + _text(channel.type)
                + _text('ros2msg')
                + struct.pack('<I', len(channel.definition))
                + channel.definition,
            )
            self._schema_bytes.append(schema)
            self._parts.append(schema)
            self._size += len(schema)
        number = self._channels[channel] = len(self._channels) + 1
        pairs = b''.join(_text(key) + _text(value) for key, value in channel.metadata)
        record = _record(
            _CHANNEL,
            struct.pack('<HH', number, self._types[kind])
            + _text(channel.topic)
            + _text('cdr')
            + struct.pack('<I', len(pairs))
            + pairs,
        )
        self._channel_bytes.append(record)
        self._parts.append(record)
        self._size += len(record)
        return number

    def _write(self, data: bytes) -> None:
        """Write all of it, or leave the file as it was."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, memoryview(data)[written:])
        except OSError:
            if written:
                os.ftruncate(self._file, self._position)
                os.lseek(self._file, self._position, os.SEEK_SET)
            raise
        self._position += written


def read(path: Path) -> Iterator[list[Message]]:
    """
    Yield the messages of a file, a chunk at a time, up to where it is torn if it is.

    Only files of this module: chunks are not compressed.

    :raises OSError: if it cannot be read.
    """
    types: dict[int, tuple[str, bytes]] = {}
    channels: dict[int, Channel] = {}
    with path.open('rb') as file:
        left = os.fstat(file.fileno()).st_size - len(MAGIC)
        if file.read(len(MAGIC)) != MAGIC:
            return
        while left >= 9:
            opcode, length = _RECORD.unpack(file.read(9))
            left -= 9 + length
            if left < 0 or opcode in (0, _DATA_END):
                return
            if opcode != _CHUNK:
                file.seek(length, os.SEEK_CUR)
                continue
            if not _CHUNK_HEAD.size + 12 <= length <= _LARGEST_CHUNK:
                return
            records = _records_of(file.read(length))
            if records is None:
                return
            try:
                messages = list(_messages(records, types, channels))
            except (struct.error, KeyError, UnicodeDecodeError):
                return
            yield messages


def is_whole(path: Path) -> bool:
    """
    Whether a file was finished.

    :raises OSError: if it cannot be read.
    """
    with path.open('rb') as file:
        size = os.fstat(file.fileno()).st_size
        if size < 2 * len(MAGIC):
            return False
        file.seek(-len(MAGIC), os.SEEK_END)
        return file.read() == MAGIC


def _records_of(chunk: bytes) -> bytes | None:
    """Return the records in a chunk; None if it is not as it was written."""
    _, _, size, crc = _CHUNK_HEAD.unpack_from(chunk)
    records = chunk[_CHUNK_HEAD.size + 12 :]  # An empty name of a compression, and a length.
    return records if len(records) == size and zlib.crc32(records) == crc else None


def _messages(
    records: bytes, types: dict[int, tuple[str, bytes]], channels: dict[int, Channel]
) -> Iterator[Message]:
    at = 0
    while at < len(records):
        opcode, length = _RECORD.unpack_from(records, at)
        begin, at = at + 9, at + 9 + length
        if opcode == _MESSAGE:
            number, sequence, log_time, publish_time = _MESSAGE_FIELDS.unpack_from(records, begin)
            data = records[begin + 22 : at]
            yield Message(channels[number], sequence, log_time, publish_time, data)
        elif opcode == _SCHEMA:
            (number,) = struct.unpack_from('<H', records, begin)
            name, begin = _read_text(records, begin + 2)
            _, begin = _read_text(records, begin)
            types[number] = name, records[begin + 4 : at]
        elif opcode == _CHANNEL:
            number, schema = struct.unpack_from('<HH', records, begin)
            topic, begin = _read_text(records, begin + 4)
            _, begin = _read_text(records, begin)
            begin, pairs = begin + 4, []
            while begin < at:
                key, begin = _read_text(records, begin)
                value, begin = _read_text(records, begin)
                pairs.append((key, value))
            channels[number] = Channel(topic, *types[schema], tuple(pairs))


def _chunk_index(chunk: _WrittenChunk) -> bytes:
    offsets = b''.join(struct.pack('<HQ', *item) for item in chunk.indexes.items())
    return _record(
        _CHUNK_INDEX,
        struct.pack('<QQQQI', chunk.start, chunk.end, chunk.offset, chunk.length, len(offsets))
        + offsets
        + struct.pack('<Q', chunk.indexes_length)
        + _text('')
        + struct.pack('<QQ', chunk.size, chunk.size),
    )


def _record(opcode: int, content: bytes) -> bytes:
    return _RECORD.pack(opcode, len(content)) + content


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack('<I', len(data)) + data


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from('<I', data, at)
    end = at + 4 + length
    return data[at + 4 : end].decode(), end
