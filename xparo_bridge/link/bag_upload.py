# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How does a finished rosbag reach the platform, over a link that may break at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from ..errors import BadInput
from .backoff import Backoff
from .rest import RestClient, RestError, TokenRefused

_PATH = '/api/upload_rosbag/'
_NOTES = '.uploaded.json'
_LAST = 'metadata.yaml'  # rosbag2 writes it when a bag is finished.


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
    if not (folder / _LAST).is_file():
        raise NotABag(f'{folder} has no {_LAST}: it is no bag, or one still being recorded')
    backoff = backoff or Backoff(initial=1.0, maximum=120.0, stable_after=0.0, refused=120.0)
    files = {path: path.stat().st_size for path in _files(folder)}
    total, before = sum(files.values()), 0
    arrived = _arrived(folder)
    for path, size in files.items():
        name = path.relative_to(folder).as_posix()
        mark = [size, path.stat().st_mtime_ns]
        if arrived.get(name) != mark:

            def told(sent: int, name: str = name, before: int = before) -> None:
                on_progress(Progress(name, before + sent, total))

            fields = {
                'robot_id': robot_id,
                'sensor_type': 'rosbag',
                'data': json.dumps({'bag': folder.name, 'file': name, 'size': size}),
            }
            await _upload(client, path, fields, rate, told, backoff)
            arrived[name] = mark
            _note(folder, arrived)
        before += size
        on_progress(Progress(name, before, total))


async def _upload(
    client: RestClient,
    path: Path,
    fields: dict[str, str],
    rate: float,
    told: Callable[[int], None],
    backoff: Backoff,
) -> None:
    while True:
        try:
            await client.post_file(_PATH, 'bag_file', path, fields, rate=rate, on_progress=told)
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


def _files(folder: Path) -> Iterator[Path]:
    """Files of the bag, the one that says it is complete at last."""
    yield from sorted(
        path for path in folder.rglob('*') if path.is_file() and path.name not in (_NOTES, _LAST)
    )
    yield folder / _LAST


def _arrived(folder: Path) -> dict[str, Any]:
    try:
        notes = json.loads((folder / _NOTES).read_text())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _note(folder: Path, arrived: dict[str, Any]) -> None:
    try:
        (folder / _NOTES).write_text(json.dumps(arrived))
    except OSError:
        pass  # A folder that is not ours to write: then it is not resumable, but uploaded.
