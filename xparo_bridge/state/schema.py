# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What tables state.sqlite has, and what changes them from one version to the next."""

from __future__ import annotations

from collections.abc import Mapping
import zlib

# PRAGMA user_version of the file that this version writes.
VERSION = 1

# Rows of text by name, each with a checksum: SQLite notices a damaged page, not a damaged letter,
# and a place whose x lost a digit would still be a place.
KEYED = (
    'facts',  # what the bridge knows of its own runs: ended as it should, files taken over
    'motion_lock',  # whether the robot is stopped or paused
    'commands',  # which commands are open, and how the last ones ended
    'trees',  # trees that were given to the robot, by name
    'last_tree',  # the tree that ran last
    'places',  # places that were saved
    'schedules',  # by link
    'project',  # texts of the platform's project
    'credentials',  # issued by platforms, by link
)
# Records in order, by lane: what a link has yet to send.
QUEUES = ('history', 'log_updates')

_KEYED_TABLE = (
    'CREATE TABLE {} (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, crc INTEGER NOT NULL)'
)
_QUEUE_TABLE = (
    'CREATE TABLE {0} (number INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, '
    'time REAL NOT NULL, item TEXT NOT NULL); '
    'CREATE INDEX {0}_lane ON {0} (lane)'
)
_OUTBOX_TABLE = (
    'CREATE TABLE outbox (lane TEXT NOT NULL, number INTEGER NOT NULL, message_id TEXT NOT NULL, '
    'message TEXT NOT NULL, PRIMARY KEY (lane, number)) WITHOUT ROWID'
)

SCHEMA = '; '.join(
    [
        *(_KEYED_TABLE.format(name) for name in KEYED),
        *(_QUEUE_TABLE.format(name) for name in QUEUES),
        _OUTBOX_TABLE,
        f'PRAGMA user_version = {VERSION};',
    ]
)

COLUMNS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(KEYED, ('key', 'value', 'crc')),
    **dict.fromkeys(QUEUES, ('number', 'lane', 'time', 'item')),
    'outbox': ('lane', 'number', 'message_id', 'message'),
}
# What each column must hold; SQLite itself would let anything be anywhere.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(('key', 'value', 'lane', 'item', 'message_id', 'message'), str),
    **dict.fromkeys(('crc', 'number'), int),
    'time': (int, float),
}

# By version: the script that makes the next one of it.
MIGRATIONS: Mapping[int, str] = {}


def checksum(key: str, value: str) -> int:
    """Return the checksum of a row of a keyed table."""
    return zlib.crc32(f'{key}\0{value}'.encode(errors='surrogatepass'))


def is_whole(table: str, row: tuple[object, ...]) -> bool:
    """Return whether a row is what the bridge wrote, as far as can be seen."""
    columns = COLUMNS[table]
    if len(row) != len(columns) or not all(
        isinstance(value, _TYPES[column]) for column, value in zip(columns, row, strict=True)
    ):
        return False
    return 'crc' not in columns or row[2] == checksum(str(row[0]), str(row[1]))


def storable(text: str) -> str:
    """Return a text that SQLite takes: without halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors='replace').decode()
    return text
