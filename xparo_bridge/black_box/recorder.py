# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The recorder: takes messages from any thread, keeps the last minutes on disk, freezes them.

Who has a message only puts it down. A thread of its own writes five times a second what came; what
is on disk is at most so old when the process is killed. Where the disk does not keep up, is full
or hangs, messages are counted and left out, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
import errno
from pathlib import Path
import re
import struct
import threading
import time
from typing import Any

from ..faults import FAULTS
from ..json_writer import dumps
from ..redaction import redacted
from .mcap import Channel, Message
from .recordings import About, Recordings
from .ring import Ring

# s between two chunks, which is what a killed process loses at most, with as much again of load.
PERIOD = 0.2
# s between two tries of a disk that does not take anything.
_RETRY = 2.0
# s after which a disk that does not answer is a problem.
_SLOW = 5.0
# Bytes that may wait for the disk.
_WAITING = 16 * 1024 * 1024
_OVERHEAD = 100  # Of what waits, beside its bytes.
# How many lines why one recording was made.
_MOST_REASONS = 20
_LONGEST_NAME = 40
_TEXT = 'std_msgs/msg/String'


@dataclass(frozen=True)
class Settings:
    """How much is kept: s and bytes."""

    folder: Path
    seconds: float = 300.0
    max_bytes: int = 256_000_000
    after: float = 10.0
    quiet: float = 60.0
    sync_period: float = 5.0
    min_free: int = 500_000_000
    recordings_bytes: int = 1_000_000_000
    recordings_age: float = 14 * 86400.0


class Stream:
    """
    A topic that is recorded.

    `check` is called in the recorder's thread with each message, and returns why it is to be
    frozen, empty if it is not. `keep` says that the last message holds until the next one.
    """

    __slots__ = ('channel', 'check', 'keep', 'qos', 'sequence', 'topic', 'type')

    def __init__(self, topic: str, kind: str, qos: str = '[]', *, keep: bool = False) -> None:
        """Take the names of topic and type, and the publishers' QoS as rosbag2 has it, in JSON."""
        self.topic = topic
        self.type = kind
        self.qos = qos
        self.keep = keep
        self.check: Callable[[bytes], str] | None = None
        self.channel: Channel | None = None
        self.sequence = 0


class TextStream(Stream):
    """A topic of texts, std_msgs/String, each a JSON object."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic, _TEXT)


@dataclass
class _Pending:
    name: str
    until: float  # Steady time, s.
    last: float
    reasons: list[About] = field(default_factory=list)


class Recorder:
    """The black box's files; all methods are for any thread, and none of them waits for a disk."""

    def __init__(
        self,
        settings: Settings,
        definition: Callable[[str], str],
        blank: Callable[[bytes], bytes] = lambda data: data,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Take what gives the text of a type, what takes secrets out of bytes, and whom to notify.

        All three are called in threads of the recorder's. `blank` must not change the length;
        `changed` is called when the list of recordings has changed.
        """
        self._settings = settings
        self._definition = definition
        self._blank = blank
        self._ring = Ring(
            settings.folder / 'ring', settings.seconds, settings.max_bytes, settings.min_free
        )
        self.recordings = Recordings(
            settings.folder / 'recordings',
            settings.recordings_bytes,
            settings.recordings_age,
            changed,
        )
        # What is to be frozen at the start if the process before this one was killed.
        self.on_killed = ''
        self._lock = threading.Lock()
        self._items: list[tuple[Stream, int, int, Any]] = []
        self._waiting = 0
        self._lost = self._taken = 0
        self._pending: _Pending | None = None
        self._frozen_at: float | None = None
        self._names: set[str] = set()
        self._some = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='recorder', daemon=True)
        self._busy_since = 0.0
        self._trouble = ''
        self._opened = False
        self._synced = 0.0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()
        self.recordings.start()

    def close(self, timeout: float) -> None:
        """Write what came and what is to be frozen, if the disk takes it within `timeout`, s."""
        until = time.monotonic() + timeout
        self._stopping = True
        self._some.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.recordings.close(max(until - time.monotonic(), 0.0))

    def put(self, stream: Stream, data: bytes, log_time: int, publish_time: int) -> None:
        """Take a serialized message; its times in ns since 1970."""
        size = len(data) + _OVERHEAD
        with self._lock:
            if self._waiting + size > _WAITING:
                self._lost += 1
                return
            self._waiting += size
            self._items.append((stream, log_time, publish_time, data))
            if len(self._items) > 1:
                return
        self._some.set()

    def put_object(self, stream: TextStream, make: Callable[[], Any], size: int) -> None:
        """
        Take a JSON object of now, which `make` gives in the recorder's thread.

        `size` is about how many bytes it holds until then.
        """
        now = time.time_ns()
        with self._lock:
            if self._waiting + size + _OVERHEAD > _WAITING:
                self._lost += 1
                return
            self._waiting += size + _OVERHEAD
            self._items.append((stream, now, now, (make, size)))
            if len(self._items) > 1:
                return
        self._some.set()

    def freeze(self, kind: str, text: str, *, asked: bool = False) -> str:
        """
        Keep what the ring has, and what comes for some time; return the recording's name.

        Empty if nothing is kept: the disk does not take it, or it was not `asked` for and the last
        one is not long ago. What comes while one is being made is a further reason for that one.
        """
        now = time.monotonic()
        reason: About = {'kind': kind, 'text': redacted(text)[:500], 'at': round(time.time(), 3)}
        with self._lock:
            if self._trouble or self._stopping:
                return ''
            pending = self._pending
            if pending is None:
                recent = self._frozen_at is not None and (
                    now - self._frozen_at < self._settings.quiet
                )
                if recent and not asked:
                    return ''
                pending = self._pending = _Pending(
                    self._name(kind), 0.0, now + 3 * self._settings.after
                )
                self._frozen_at = now
            if len(pending.reasons) < _MOST_REASONS:
                pending.reasons.append(reason)
            pending.until = min(now + self._settings.after, pending.last)
        self._some.set()
        return pending.name

    def _name(self, kind: str) -> str:
        words = re.sub(r'[^a-z0-9]+', '_', kind.lower()).strip('_')[:_LONGEST_NAME] or 'asked'
        # A robot without a clock of its own begins each day at the same time.
        taken = self._names.union(about['name'] for about in self.recordings.listed)
        name = base = f'{time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())}_{words}'
        number = 1
        while name in taken:
            number += 1
            name = f'{base}_{number}'
        self._names.add(name)
        return name

    @property
    def problem(self) -> str:
        """Why nothing is recorded, empty if all is."""
        busy = self._busy_since
        if busy and time.monotonic() - busy > _SLOW:
            return f'the disk has not answered for {time.monotonic() - busy:.0f} s'
        return self._trouble or self.recordings.problem

    @property
    def lost(self) -> int:
        """How many messages were left out since the start."""
        return self._lost

    @property
    def pending(self) -> tuple[str, list[About]] | None:
        """Name and reasons of the recording that is being made."""
        pending = self._pending
        return (pending.name, list(pending.reasons)) if pending else None

    # --- the thread ---

    def _run(self) -> None:
        going_on = True
        while going_on:
            self._some.wait(self._wait())
            if not self._stopping:
                time.sleep(PERIOD)
            self._some.clear()
            going_on = not self._stopping
            self._busy_since = time.monotonic()
            try:
                self._serve(last=not going_on)
                self._trouble = ''
            except OSError as error:
                self._trouble = f'nothing is recorded: {error.strerror or error}'
                self._ring.give_up()
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    self._let_go()
            except Exception as error:
                self._trouble = f'nothing is recorded: {FAULTS.note("the black box", error)}'
                self._ring.give_up()
            self._busy_since = 0.0
            with self._lock:
                self._lost += self._taken
                self._taken = 0
            if self._trouble and going_on:
                self._drop_for(_RETRY)

    def _wait(self) -> float | None:
        """For how long there is nothing to do if nothing comes, s."""
        pending = self._pending
        if pending is not None:
            return max(pending.until - time.monotonic(), 0.0)
        return None

    def _let_go(self) -> None:
        try:
            self._ring.make_room()
        except OSError:
            pass  # Of a disk that is broken in other ways too.

    def _drop_for(self, seconds: float) -> None:
        """Leave out what comes until the disk is tried again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopping:
            time.sleep(PERIOD)
            with self._lock:
                self._lost += len(self._items)
                self._items, self._waiting = [], 0
        self._some.set()
        with self._lock:
            pending, self._pending = self._pending, None
        if pending is not None:
            self._trouble += f'; {pending.name} was not made'

    def _serve(self, *, last: bool) -> None:
        if not self._opened:
            self._ring.open()
            self._opened = True
            if self._ring.left_by_killed and self.on_killed:
                reason: About = {
                    'kind': 'bridge_ended',
                    'text': self.on_killed,
                    'at': round(time.time(), 3),
                }
                with self._lock:
                    name = self._name('bridge_ended')
                self.recordings.begin(name, [reason], self._ring.left_by_killed)
        with self._lock:
            items, self._items, self._waiting = self._items, [], 0
        self._taken = len(items)  # Lost, unless all is written.
        for stream, log_time, publish_time, content in items:
            if type(content) is tuple:
                data = _string(_text_of(content[0]))
            else:
                data = self._blank(content)
            if stream.channel is None:
                stream.channel = self._channel(stream)
            stream.sequence = stream.sequence % 0xFFFF_FFFF + 1
            self._ring.add(
                Message(stream.channel, stream.sequence, log_time, publish_time, data),
                keep=stream.keep,
            )
            if stream.check is not None:
                self._check(stream, data)
        self._ring.flush()
        self._taken = 0
        now = time.monotonic()
        if now - self._synced > self._settings.sync_period:
            self._synced = now
            self._ring.sync()
        pending = self._pending
        if pending is not None and (last or now >= pending.until):
            self._frozen_at = now
            files = self._ring.rotate()
            with self._lock:
                self._pending = None
            self.recordings.begin(pending.name, pending.reasons, files)
        if last:
            self._ring.close()

    def _channel(self, stream: Stream) -> Channel:
        try:
            text = self._definition(stream.type)
        except Exception as error:  # Of a package that is half installed.
            FAULTS.note(f'the definition of {stream.type}', error)
            text = ''
        return Channel(
            stream.topic, stream.type, text.encode(), (('offered_qos_profiles', stream.qos),)
        )

    def _check(self, stream: Stream, data: bytes) -> None:
        assert stream.check is not None
        try:
            kind, _, text = stream.check(data).partition(': ')
        except Exception as error:
            FAULTS.note(f'a condition on {stream.topic}', error)
            return
        if kind:
            self.freeze(kind, text)


def _text_of(make: Callable[[], Any]) -> str:
    try:
        return dumps(make())
    except Exception as error:
        return dumps({'fault': FAULTS.note('what the black box gets', error)})


def _string(text: str) -> bytes:
    """Serialize a std_msgs/String: CDR, little endian."""
    data = text.encode(errors='replace').replace(b'\0', b'')
    return struct.pack('<II', 0x100, len(data) + 1) + data + b'\0'
