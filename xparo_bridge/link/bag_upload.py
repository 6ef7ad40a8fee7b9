# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Send a finished rosbag to the platform, over a link that may break at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import yaml

from ..errors import BadInput
from ..json_reader import read_own
from ..yaml_reader import read_yaml, YamlError
from .backoff import Backoff
from .rest import RestClient, RestError, TokenRefused

_PATH = '/api/upload_rosbag/'
_NOTES = '.uploaded.json'
_LAST = 'metadata.yaml'  # rosbag2 writes it when a bag is finished.
_MAX_METADATA = 4 * 1024 * 1024  # bytes that are looked into
_WITH_FILES = 5  # version of the metadata from which on it lists `files` after their paths
_Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class NotABag(BadInput, ValueError):
    """A folder that is no finished bag, in words."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is, in bytes of all files."""

    file: str
    sent: int
    total: int


async def upload_rosbag(
    client: RestClient,
    folder: Path,
    robot_id: str,
    *,
    rate: float = 0.0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    backoff: Backoff | None = None,
) -> None:
    """
    Upload the files of a bag folder, at most `rate` bytes a second (0: unlimited).

    Runs until all are there, over faults and new tokens; files that arrived, noted in the folder,
    are not sent again by the next call. `on_progress` is called in another thread. Raises NotABag,
    OSError, or RestError for a file the platform will not have.
    """
    await asyncio.to_thread(check_metadata, folder)
    backoff = backoff or Backoff(initial=1.0, maximum=120.0, stable_after=0.0, refused=120.0)
    files, arrived = await asyncio.to_thread(_look, folder)
    total, before = sum(size for size, _ in files.values()), 0
    for path, mark in files.items():
        name, size = path.relative_to(folder).as_posix(), mark[0]
        if arrived.get(name) != mark:

            def on_sent(sent: int, name: str = name, before: int = before) -> None:
                on_progress(Progress(name, before + sent, total))

            fields = {
                'robot_id': robot_id,
                'sensor_type': 'rosbag',
                'data': json.dumps({'bag': folder.name, 'file': name, 'size': size}),
            }
            await _upload(client, path, fields, rate, on_sent, backoff)
            arrived[name] = mark
            await asyncio.to_thread(_note, folder, dict(arrived))
        before += size
        on_progress(Progress(name, before, total))


def check_metadata(folder: Path) -> None:
    """
    Check that a recorder finished a bag: its metadata is whole and names files that are there.

    :raises NotABag: with what to do about it.
    """
    reindex = (
        f'it is still being recorded, or the recorder was killed: then write it anew with '
        f'`ros2 bag reindex {folder.name}`'
    )
    try:
        with (folder / _LAST).open('rb') as file:
            text = file.read(_MAX_METADATA + 1)
    except FileNotFoundError:
        raise NotABag(f'bag {folder.name} has no {_LAST}: {reindex}') from None
    if len(text) > _MAX_METADATA:
        return  # Nobody cuts a file to so much; to read it would take minutes.
    try:
        content = read_yaml(text, _Loader)
    except YamlError as error:
        raise NotABag(f'bag {folder.name}: {_LAST} cannot be read: {reindex}') from error
    bag = content.get('rosbag2_bagfile_information') if isinstance(content, dict) else None
    if not isinstance(bag, dict):
        raise NotABag(f'bag {folder.name}: {_LAST} is not whole: {reindex}')
    if not bag:
        return
    paths = bag.get('relative_file_paths')
    files = bag.get('files')
    if not isinstance(paths, list) or not paths:
        raise NotABag(f'bag {folder.name}: {_LAST} is not whole: {reindex}')
    if isinstance(bag.get('version'), int) and bag['version'] >= _WITH_FILES:
        if not _whole(files, len(paths), bag.get('message_count')):
            raise NotABag(f'bag {folder.name}: {_LAST} is not whole: {reindex}')
    for path in paths:
        if not isinstance(path, str) or not (folder / Path(path).name).is_file():
            raise NotABag(f'bag {folder.name}: {path}, which {_LAST} names, is not there')


def _whole(files: Any, expected: int, messages: Any) -> bool:
    """Whether each file is listed with its messages, which make up those of the bag."""
    if not isinstance(files, list) or len(files) != expected:
        return False
    found = [file.get('message_count') for file in files if isinstance(file, dict)]
    counts = [count for count in found if isinstance(count, int)]
    if len(counts) < expected:
        return False
    return not isinstance(messages, int) or sum(counts) == messages


async def _upload(
    client: RestClient,
    path: Path,
    fields: dict[str, str],
    rate: float,
    on_sent: Callable[[int], None],
    backoff: Backoff,
) -> None:
    while True:
        try:
            await client.post_file(_PATH, 'bag_file', path, fields, rate=rate, on_progress=on_sent)
            backoff.after_connection(0.0)
            return
        except TokenRefused:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff.wait(refused=True)):
                    await client.next_token()
        except RestError as error:
            if not error.passing:
                raise
            await asyncio.sleep(max(backoff.wait(), error.retry_after))


def _look(folder: Path) -> tuple[dict[Path, list[int]], dict[str, Any]]:
    """Size and time of change of the bag's files, and what is noted of those that arrived."""
    files = {}
    for path in _files(folder):
        found = path.stat()
        files[path] = [found.st_size, found.st_mtime_ns]
    return files, _arrived(folder)


def _files(folder: Path) -> Iterator[Path]:
    """Files of the bag, the one that says it is complete at last."""
    yield from sorted(
        path for path in folder.rglob('*') if path.is_file() and path.name not in (_NOTES, _LAST)
    )
    yield folder / _LAST


def _arrived(folder: Path) -> dict[str, Any]:
    try:
        notes = read_own((folder / _NOTES).read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _note(folder: Path, arrived: dict[str, Any]) -> None:
    try:
        (folder / _NOTES).write_text(json.dumps(arrived))
    except OSError:
        pass  # A folder that is not ours to write: then it is not resumable, but uploaded.
