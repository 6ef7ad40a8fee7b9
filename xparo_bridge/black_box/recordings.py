# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Recordings: what was frozen of the ring, each a folder that rosbag2 takes for a bag.

A folder has `NAME.mcap`, rosbag2's `metadata.yaml`, and `recording.json` with why and when. It is
made in `NAME.partial`, where the files of the ring are linked first, so that the ring may go on:
what a power cut interrupts is finished at the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import json
import os
from pathlib import Path
import queue
import re
import shutil
import threading
import time
from typing import Any

from ..clock import CLOCK_SET
from ..errors import BadInput
from ..faults import FAULTS
from ..json_reader import read_own
from ..json_writer import dumps
from ..state.files import DamagedFile, read_text
from .mcap import Writer
from .ring import copy

_PARTIAL = '.partial'
_ABOUT = 'recording.json'
# s of rest after each chunk that is copied: nobody waits for a recording, and others for the disk.
_REST = 0.002
_MOST_LISTED = 100
_MAX_ABOUT = 256 * 1024
_NAME = re.compile(r'\d{8}T\d{6}Z_[a-z0-9_]{1,60}(_\d+)?')
# Version of rosbag2's metadata.yaml: that of Jazzy.
_VERSION = 9

About = dict[str, Any]


class Recordings:
    """
    Makes recordings in a thread of its own, lists and prunes them.

    Files are the thread's alone; `listed` and `problem` are anybody's.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        max_age: float,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        """Keep recordings of so many bytes in all and none that is older, s."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._changed = changed
        self._work: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name='recordings', daemon=True)
        self._listed: tuple[About, ...] = ()
        self._problem = ''

    @property
    def listed(self) -> tuple[About, ...]:
        """What there is, newest first: name, reasons, begin, end, messages, bytes."""
        return self._listed

    @property
    def problem(self) -> str:
        """Why the last one could not be made; empty if it was."""
        return self._problem

    def start(self) -> None:
        """Go on with what was interrupted, and list what there is."""
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Finish what was begun, if it takes no longer; else the next start does, s."""
        self._work.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)

    def begin(self, name: str, reasons: Sequence[About], files: Sequence[Path]) -> None:
        """
        Have a recording made of files of the ring, which may go away after this.

        To be called in the ring's thread.

        :raises OSError: where the disk does not take it.
        """
        partial = self._folder / (name + _PARTIAL)
        partial.mkdir(mode=0o700, parents=True)
        for file in files:
            os.link(file, partial / file.name)
        about = {'name': name, 'reasons': list(reasons)}
        _write(partial / _ABOUT, dumps(about))
        self._work.put(partial)

    # --- the thread ---

    def _run(self) -> None:
        try:
            for partial in sorted(self._folder.glob(f'*{_PARTIAL}')):
                self._try(partial)
            self._prune()
        except OSError as error:
            self._problem = f'recordings cannot be listed: {error.strerror or error}'
        except Exception as error:
            FAULTS.note('the list of recordings', error)
        while (begun := self._work.get()) is not None:
            self._try(begun)

    def _try(self, partial: Path) -> None:
        try:
            self._make(partial)
            self._prune()
            self._problem = ''
        except OSError as error:
            self._problem = f'{partial.stem} cannot be written: {error.strerror or error}'
        except Exception as error:
            self._problem = f'{partial.stem}: {FAULTS.note("making a recording", error)}'
        self._changed()

    def _make(self, partial: Path) -> None:
        about = _read_about(partial)
        name = partial.name[: -len(_PARTIAL)]
        segments = sorted(path for path in partial.glob('*.mcap') if path.stem != name)
        if about is None or not segments and not (partial / f'{name}.mcap').exists():
            shutil.rmtree(partial)  # A power cut before anything was in it.
            return
        file = partial / f'{name}.mcap'
        if segments:
            written = copy(segments, file, {'about': dumps(about)}, _REST)
            about |= {
                'begin': round(written.first / 1e9, 3),
                'end': round(written.last / 1e9, 3),
                'messages': sum(written.counts.values()),
                'bytes': written.size,
            }
            _write(partial / 'metadata.yaml', _metadata(file.name, written))
            _write(partial / _ABOUT, dumps(about))
            for segment in segments:
                segment.unlink()
        partial.rename(partial.with_name(name))

    def _prune(self) -> None:
        """List what there is and delete what is too old or too much, never the newest."""
        found = []
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            if _NAME.fullmatch(folder.name) and folder.is_dir():
                about = _read_about(folder)
                if about is not None:
                    size = sum(file.stat().st_size for file in folder.iterdir())
                    found.append((folder.stat().st_mtime, size, folder, about))
        found.sort(key=lambda one: (one[0], one[2]), reverse=True)
        listed, total = [], 0
        for number, (made, size, folder, about) in enumerate(found):
            total += size
            # What was made before the clock was set is of no known age.
            old = time.time() - made > self._max_age and made > CLOCK_SET
            if number and (total > self._max_bytes or old):
                shutil.rmtree(folder)
                total -= size
            else:
                listed.append(about)
        self._listed = tuple(listed[:_MOST_LISTED])
        self._changed()


def _read_about(folder: Path) -> About | None:
    try:
        text = read_text(folder / _ABOUT, _MAX_ABOUT)
        about = read_own(text) if text is not None else None
    except (DamagedFile, BadInput, ValueError):
        return None
    return about if isinstance(about, dict) and isinstance(about.get('name'), str) else None


def _write(path: Path, text: str) -> None:
    """Write a small file so that it is whole or not there."""
    made = path.with_suffix('.tmp')
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, 'w', encoding='utf-8') as file:
            file.write(text)
            file.flush()
            os.fdatasync(file.fileno())
        made.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            made.unlink()
        raise


def _metadata(file: str, written: Writer) -> str:
    """Return metadata.yaml, by which rosbag2 knows a bag."""
    begin = {'nanoseconds_since_epoch': written.first}
    duration = {'nanoseconds': written.last - written.first}
    count = sum(written.counts.values())
    topics: dict[tuple[str, str], About] = {}
    for channel, messages in written.counts.items():
        topic = topics.setdefault(
            (channel.topic, channel.type),
            {
                'topic_metadata': {
                    'name': channel.topic,
                    'type': channel.type,
                    'serialization_format': 'cdr',
                    'offered_qos_profiles': read_own(
                        dict(channel.metadata).get('offered_qos_profiles', '[]')
                    ),
                    'type_description_hash': '',
                },
                'message_count': 0,
            },
        )
        topic['message_count'] += messages
    content = {
        'rosbag2_bagfile_information': {
            'version': _VERSION,
            'storage_identifier': 'mcap',
            'duration': duration,
            'starting_time': begin,
            'message_count': count,
            'topics_with_message_count': list(topics.values()),
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [file],
            'files': [
                {
                    'path': file,
                    'starting_time': begin,
                    'duration': duration,
                    'message_count': count,
                }
            ],
            'custom_data': None,
            'ros_distro': os.environ.get('ROS_DISTRO', ''),
        }
    }
    return json.dumps(content, indent=1)  # JSON is YAML, and is written ten times as fast.
