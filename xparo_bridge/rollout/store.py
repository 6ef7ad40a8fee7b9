# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The configurations that a robot has had: which one counts, which one is on trial, where to go back.

    releases/VERSION-HASH/   a bundle each, never changed
    state.json               which of them counts; replaced as a whole, so always whole
    trusted_keys             further public keys, one a line; put there by whoever owns the robot
    spare                    room on the disk for going back when it is full
    bridge.pid               of the bridge that runs from here, locked as long as it does

Whatever is cut off at any point (kill -9, power, a full disk), the next start finds a state.json
that names a release that is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
import errno
import fcntl
import json
import os
from pathlib import Path
import shutil
import time
from typing import Any

from ..errors import BridgeError
from ..json_reader import JsonError, read_json
from .bundle import Bundle
from .manifest import BundleError

APPLIED, TRIAL, ROLLED_BACK, REFUSED = 'applied', 'trial', 'rolled back', 'refused'
_STATE, _RELEASES, _LOCK, _PID, _SPARE = 'state.json', 'releases', 'lock', 'bridge.pid', 'spare'
_SPARE_BYTES = 64 * 1024
# Starts of a bridge with a configuration on trial; one that ends so often does not come up.
MAX_STARTS = 3
# Releases that were good and are kept, to go back to.
_KEPT = 5


class StoreError(BridgeError):
    """The folder of configurations cannot be used; says why."""


@dataclass
class Trial:
    """
    A configuration on trial: since when, how often the bridge was started with it, for how long.

    `since` is of the clock that runs since the machine started, which is known by `boot`.
    `expect` is what the bridge saw before, see `trial`.
    """

    boot: str
    since: float
    within: float
    starts: int = 0
    expect: dict[str, Any] = field(default_factory=dict)


@dataclass
class Pending:
    """A release that is to be changed over to, once the robot stands; `now` waits for nothing."""

    release: str
    within: float = 60.0
    now: bool = False
    offline: bool = False


@dataclass
class StoreState:
    """What state.json says; `current` counts, `good` are those that were, the newest last."""

    current: str = ''
    good: list[str] = field(default_factory=list)
    highest: int = 0
    state: str = APPLIED
    reason: str = ''
    trial: Trial | None = None
    pending: Pending | None = None

    @classmethod
    def from_json(cls, value: Any) -> StoreState:
        """Read it; KeyError, TypeError or ValueError if it is none."""
        known = {each.name for each in fields(cls)}
        made = cls(**{key: part for key, part in value.items() if key in known})
        made.trial = Trial(**value['trial']) if value.get('trial') else None
        made.pending = Pending(**value['pending']) if value.get('pending') else None
        return made


class Store:
    """One folder of configurations; any process may use it, a bridge runs from it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Releases whose files this process reads, beside those that count.
        self.in_use: set[str] = set()

    @property
    def state(self) -> StoreState:
        """
        How it stands.

        :raises StoreError: if that cannot be known.
        """
        try:
            text = (self.path / _STATE).read_bytes()
        except FileNotFoundError:
            return self._from_releases()
        except OSError as error:
            raise StoreError(f'{self.path / _STATE}: {error.strerror}') from error
        try:
            return StoreState.from_json(read_json(text))
        except (JsonError, TypeError, KeyError, ValueError, AttributeError):
            return self._from_releases()

    def folder(self, release: str) -> Path:
        """Return the folder of a release."""
        return self.path / _RELEASES / release

    @contextmanager
    def change(self) -> Iterator[StoreState]:
        """Give the state to be changed, which is written when the block ends without an error."""
        self._make(self.path)
        with (self.path / _LOCK).open('a') as lock:
            self._give(self.path / _LOCK)
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.state
            yield state
            self._write(state)

    def stage(self, bundle: Bundle) -> str:
        """
        Keep a bundle as a release, whole or not at all; its name.

        :raises StoreError: if there is no room for it.
        """
        name = f'{bundle.manifest.version}-{bundle.hash[:12]}'
        folder = self.folder(name)
        if folder.is_dir() and _same(folder, bundle):
            return name
        part = folder.with_name(f'.{name}.{os.getpid()}')
        try:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(part, ignore_errors=True)
            for path, content in bundle.all_files().items():
                file = part / path
                self._make(file.parent)
                self._write_through(file, content)
            for root, _, _ in os.walk(part):
                _sync_folder(Path(root))
            part.rename(folder)
            _sync_folder(folder.parent)
            self._reserve()
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise StoreError(
                f'{self.path}: the configuration is not kept: {error.strerror}; nothing has '
                'changed'
            ) from error
        return name

    def drop(self, release: str) -> None:
        """Forget a release that nothing counts on."""
        state = self.state
        if release and release != state.current and release not in state.good:
            shutil.rmtree(self.folder(release), ignore_errors=True)

    # --- changes ---

    def apply(self, pending: Pending) -> None:
        """Ask the bridge for a change-over."""
        with self.change() as state:
            state.pending = pending

    def begin_trial(self, release: str, within: float, expect: dict[str, Any]) -> None:
        """Let a release count, on trial."""
        with self.change() as state:
            state.pending = None
            state.current = release
            state.state, state.reason = TRIAL, ''
            state.trial = Trial(boot_id(), uptime(), within, 0, expect)

    def started(self) -> StoreState:
        """
        Take note that a bridge starts, and go back if one on trial has not come up; the state.

        :raises StoreError: if there is nothing to start with.
        """
        with self.change() as state:
            trial = state.trial
            if trial is not None:
                if trial.boot != boot_id() or not trial.starts:
                    # How long the start of a process takes, and a power cut, say nothing about
                    # the configuration: its time begins now.
                    trial.boot, trial.since = boot_id(), uptime()
                trial.starts += 1
                if trial.starts > MAX_STARTS:
                    _go_back(state, f'the bridge ended {MAX_STARTS} times with it')
                elif uptime() - trial.since > trial.within:
                    _go_back(state, f'it was not confirmed within {trial.within:g} s')
            if not self.folder(state.current).is_dir() or not state.current:
                raise StoreError(
                    f'{self.path}: no configuration was applied here; config apply BUNDLE '
                    f'--store {self.path}'
                )
        return state

    def confirm(self) -> None:
        """Let what is on trial be good."""
        with self.change() as state:
            state.trial, state.state, state.reason = None, APPLIED, ''
            state.good = [name for name in state.good if name != state.current]
            state.good = [*state.good, state.current][-_KEPT:]
            state.highest = max(state.highest, version_of(state.current))
        self._prune()

    def roll_back(self, reason: str) -> bool:
        """Go back from what is on trial to what was good; whether there is anything."""
        with self.change() as state:
            return _go_back(state, reason)

    def refuse(self, reason: str) -> None:
        """Take back what was asked for, before anything was changed."""
        with self.change() as state:
            state.pending = None
            state.state, state.reason = REFUSED, reason

    # --- the bridge that runs from here ---

    def lock(self) -> bool:
        """Be the bridge that runs from here, until the process ends; False if another one is."""
        # A descriptor, not a file object: it is the lock, and ends with the process alone.
        lock_file = os.open(self.path / _PID, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock_file)
            return False
        os.ftruncate(lock_file, 0)
        os.write(lock_file, f'{os.getpid()}\n'.encode())
        return True

    def bridge(self) -> int | None:
        """Process id of the bridge that runs from here; None if none does."""
        try:
            with (self.path / _PID).open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read())
        except (OSError, ValueError):
            pass
        return None

    def trusted_keys(self) -> list[str]:
        """Public keys that whoever owns the robot has put here."""
        try:
            lines = (self.path / 'trusted_keys').read_text().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f'{self.path / "trusted_keys"}: {error.strerror}') from error
        return [line.strip() for line in lines if line.strip() and not line.startswith('#')]

    # --- files ---

    def _write(self, state: StoreState) -> None:
        content = (json.dumps(asdict(state), indent=1) + '\n').encode()
        try:
            self._replace(content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise StoreError(f'{self.path}: {error.strerror}') from error
            # For this moment it was kept.
            (self.path / _SPARE).unlink(missing_ok=True)
            try:
                self._replace(content)
            except OSError as again:
                raise StoreError(f'{self.path}: {again.strerror}') from again

    def _replace(self, content: bytes) -> None:
        part = self.path / f'.{_STATE}'
        self._write_through(part, content)
        part.replace(self.path / _STATE)
        _sync_folder(self.path)

    def _reserve(self) -> None:
        spare = self.path / _SPARE
        if not spare.exists():
            self._write_through(spare, bytes(_SPARE_BYTES))

    def _write_through(self, file: Path, content: bytes) -> None:
        with file.open('wb') as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        file.chmod(0o644)
        self._give(file)

    def _make(self, folder: Path) -> None:
        """Make a folder, and those above it."""
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            self._give(folder)

    @staticmethod
    def _give(path: Path) -> None:
        """Let what root makes belong to the owner of the folder: the user of the bridge."""
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    def _prune(self) -> None:
        state = self.state
        kept = {
            state.current,
            *state.good,
            *self.in_use,
            state.pending.release if state.pending else '',
        }
        for folder in (self.path / _RELEASES).glob('*'):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _from_releases(self) -> StoreState:
        """Without state.json: the newest release that is whole."""
        names = [path.name for path in (self.path / _RELEASES).glob('[0-9]*-*')]
        for name in sorted(names, key=version_of, reverse=True):
            try:
                Bundle.read(self.folder(name))
            except BundleError:
                continue
            return StoreState(current=name, good=[name], highest=version_of(name))
        return StoreState()


def is_store(path: Path) -> bool:
    """Whether a folder is one of configurations."""
    return (path / _RELEASES).is_dir()


def version_of(release: str) -> int:
    """Return the version of a release by its name."""
    number = release.partition('-')[0]
    return int(number) if number.isdigit() else 0


def boot_id() -> str:
    """Return what this start of the machine is known by."""
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return ''


def uptime() -> float:
    """Time since the machine started, also while it slept, s."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _go_back(state: StoreState, reason: str) -> bool:
    failed = state.current
    before = [name for name in state.good if name != failed]
    state.trial = None
    if not before:
        # There was nothing before: a configuration that does not work is better than none.
        state.state, state.reason = ROLLED_BACK, f'{reason}; there is none to go back to'
        return False
    state.current = before[-1]
    state.state, state.reason = ROLLED_BACK, f'{failed}: {reason}'
    return True


def _same(folder: Path, bundle: Bundle) -> bool:
    try:
        return Bundle.read(folder).hash == bundle.hash
    except BundleError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
