# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files are what mcap and rosbags read, and readable wherever they are torn."""

from __future__ import annotations

import os
from pathlib import Path
import struct

import pytest

from xparo_bridge.black_box.mcap import Channel, is_whole, MAGIC, Message, read, Writer
from xparo_bridge.ros.definitions import definition

make_reader = pytest.importorskip('mcap.reader').make_reader
NonSeekingReader = pytest.importorskip('mcap.reader').NonSeekingReader
AnyReader = pytest.importorskip('rosbags.highlevel').AnyReader
typesys = pytest.importorskip('rosbags.typesys')

ODOM = Channel(
    '/odom', 'nav_msgs/msg/Odometry', definition('nav_msgs/msg/Odometry').encode(), (('a', 'ä'),)
)
TEXT = Channel('/text', 'std_msgs/msg/String', definition('std_msgs/msg/String').encode())
OTHER = Channel('/other', 'std_msgs/msg/String', definition('std_msgs/msg/String').encode())


def messages(count: int = 300) -> list[Message]:
    """Return messages of three topics, some of them empty and some out of order."""
    made = []
    for number in range(count):
        channel = (ODOM, TEXT, OTHER)[number % 3]
        data = struct.pack('<I', number) * (number % 7)
        at = 1_700_000_000_000_000_000 + number * 1_000_000 - number % 5 * 3_000_000
        made.append(Message(channel, number, at, at - 1000, data))
    return made


def write(path: Path, recorded: list[Message], per_chunk: int = 32, finish: bool = True) -> Writer:
    """Write messages into a file."""
    writer = Writer(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    for number, message in enumerate(recorded, 1):
        writer.add(message)
        if number % per_chunk == 0:
            writer.flush()
    if finish:
        writer.add_metadata('why', {'reason': 'a test'})
        writer.finish()
    else:
        writer.flush()
    writer.close()
    return writer


def plain(message: Message) -> tuple[object, ...]:
    channel, *others = message
    return (channel.topic, channel.type, channel.definition, *others)


def by_mcap(path: Path, reader: object = make_reader) -> list[tuple[object, ...]]:
    """Read a file by the package mcap, checking its checksums."""
    with path.open('rb') as file:
        return [
            (
                channel.topic,
                schema.name,
                schema.data,
                message.sequence,
                message.log_time,
                message.publish_time,
                message.data,
            )
            for schema, channel, message in reader(file, validate_crcs=True).iter_messages(  # type: ignore[operator]
                log_time_order=False
            )
        ]


def test_mcap_reads_each_bit_by_its_index_and_from_end_to_end(tmp_path: Path) -> None:
    recorded = messages()
    write(tmp_path / 'a.mcap', recorded)
    expected = list(map(plain, recorded))
    key = lambda one: (one[4], one[0], one[3])  # noqa: E731
    assert sorted(by_mcap(tmp_path / 'a.mcap'), key=key) == sorted(expected, key=key)
    assert by_mcap(tmp_path / 'a.mcap', NonSeekingReader) == expected
    with (tmp_path / 'a.mcap').open('rb') as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        assert summary is not None and summary.statistics is not None
        assert summary.statistics.message_count == len(recorded)
        assert summary.statistics.message_start_time == min(one.log_time for one in recorded)
        assert summary.statistics.message_end_time == max(one.log_time for one in recorded)
        assert {one.topic for one in summary.channels.values()} == {'/odom', '/text', '/other'}
        assert len(summary.schemas) == 2
        assert reader.get_header().profile == 'ros2'
        [metadata] = reader.iter_metadata()
        assert (metadata.name, metadata.metadata) == ('why', {'reason': 'a test'})
        only = list(reader.iter_messages(topics='/odom'))
        assert [one[2].sequence for one in only] == [
            one.sequence for one in sorted(recorded[::3], key=lambda one: one.log_time)
        ]


def test_rosbags_reads_each_bit(tmp_path: Path) -> None:
    recorded = messages()
    write(tmp_path / 'a.mcap', recorded)
    with AnyReader([tmp_path / 'a.mcap']) as reader:
        assert {one.topic: one.msgtype for one in reader.connections} == {
            '/odom': 'nav_msgs/msg/Odometry',
            '/text': 'std_msgs/msg/String',
            '/other': 'std_msgs/msg/String',
        }
        found = [(one.topic, at, bytes(data)) for one, at, data in reader.messages()]
    assert sorted(found) == sorted((one.channel.topic, one.log_time, one.data) for one in recorded)


def test_definitions_can_be_read_as_types() -> None:
    store = typesys.get_typestore(typesys.Stores.EMPTY)
    store.register(typesys.get_types_from_msg(ODOM.definition.decode(), ODOM.type))
    assert 'geometry_msgs/msg/TwistWithCovariance' in store.fielddefs


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    recorded = messages()
    writer = write(tmp_path / 'a.mcap', recorded)
    assert [one for chunk in read(tmp_path / 'a.mcap') for one in chunk] == recorded
    assert writer.counts == {ODOM: 100, TEXT: 100, OTHER: 100}
    assert writer.size == (tmp_path / 'a.mcap').stat().st_size
    assert is_whole(tmp_path / 'a.mcap')


def test_a_file_torn_anywhere_is_read_up_to_there(tmp_path: Path) -> None:
    recorded = messages(40)
    write(tmp_path / 'whole.mcap', recorded, per_chunk=8, finish=False)
    data = (tmp_path / 'whole.mcap').read_bytes()
    torn, seen = tmp_path / 'torn.mcap', set()
    for length in range(0, len(data) + 1, 11):
        for tail in (b'', bytes(64), b'\xff' * 64):  # What a disk may have after a power cut.
            torn.write_bytes(data[:length] + tail)
            found = [one for chunk in read(torn) for one in chunk]
            assert found == recorded[: len(found)]
            assert len(found) % 8 == 0
            seen.add(len(found))
            assert not is_whole(torn)
    assert seen == {0, 8, 16, 24, 32, 40}


def test_a_bit_that_fell_over_ends_the_reading(tmp_path: Path) -> None:
    recorded = messages(24)
    write(tmp_path / 'a.mcap', recorded, per_chunk=8, finish=False)
    data = bytearray((tmp_path / 'a.mcap').read_bytes())
    data[data.index(recorded[12].data)] ^= 1
    (tmp_path / 'a.mcap').write_bytes(data)
    assert [one for chunk in read(tmp_path / 'a.mcap') for one in chunk] == recorded[:8]


def test_no_mcap_at_all_has_no_messages(tmp_path: Path) -> None:
    (tmp_path / 'a.mcap').write_bytes(b'no mcap')
    assert list(read(tmp_path / 'a.mcap')) == []
    assert not is_whole(tmp_path / 'a.mcap')


def test_an_empty_file_is_whole_for_all_readers(tmp_path: Path) -> None:
    write(tmp_path / 'a.mcap', [])
    assert by_mcap(tmp_path / 'a.mcap') == []
    assert (tmp_path / 'a.mcap').read_bytes().startswith(MAGIC)


def test_a_full_disk_leaves_the_chunks_before(tmp_path: Path) -> None:
    recorded = messages(600)
    descriptor = os.open('/dev/full', os.O_WRONLY)
    with pytest.raises(OSError, match='No space'):
        Writer(descriptor)
    os.close(descriptor)
    path = tmp_path / 'a.mcap'
    writer = Writer(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    for message in recorded[:300]:
        writer.add(message)
    writer.flush()
    size = writer.size
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, before[1]))
    try:
        for message in recorded[300:]:
            writer.add(message)
        with pytest.raises(OSError, match='too large'):
            writer.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.stat().st_size == size
    writer.finish()  # There is room again.
    writer.close()
    assert len(by_mcap(path)) == 300
