# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Cut off at any use of the disk, by a kill, a fault or the power, a store still starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import errno
import os
from pathlib import Path
import shutil
import tempfile

from fixtures.releases import bundle, current, on_trial
import pytest

from xparo_bridge.rollout.store import Pending, Store, StoreError, version_of

# More than any change uses the disk; the last one of each is let through.
POINTS = range(1, 16)
# What config apply, the bridge before and the bridge after do, in their order.
CHANGES: dict[str, Callable[[Store, str], object]] = {
    'stage': lambda store, release: store.stage(bundle(4)),
    'ask': lambda store, release: store.apply(Pending(release)),
    'refuse': lambda store, release: store.refuse('the robot moved'),
    'trial': lambda store, release: store.begin_trial(release, 60.0, {}),
    'start': lambda store, release: store.started(),
    'confirm': lambda store, release: store.confirm(),
    'roll back': lambda store, release: store.roll_back('no link'),
}
ON_TRIAL = ('start', 'confirm', 'roll back')
each_change = pytest.mark.parametrize('change', CHANGES)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder in memory: a real disk takes minutes for so many synchronizations."""
    memory = Path('/dev/shm')
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def one_of_two(folder: Path, change: str) -> tuple[Store, str]:
    """Give a store in which version 1 is good and version 2 there, on trial where that is due."""
    store = Store(folder)
    store.begin_trial(store.stage(bundle(1)), 60.0, {})
    store.confirm()
    release = store.stage(bundle(2))
    if change in ON_TRIAL:
        store.begin_trial(release, 60.0, {})
    return store, release


def goes_on(store: Store) -> None:
    """One of the two counts, is whole, and another can follow."""
    again = Store(store.path)
    assert current(again) in (1, 2)
    assert version_of(again.started().current) in (1, 2)
    on_trial(again, 3)
    again.confirm()
    assert current(again) == 3


def with_errors(store: Store, change: str, release: str) -> None:
    """Make a change, which may fail in the way that callers know."""
    try:
        CHANGES[change](store, release)
    except (StoreError, OSError):
        pass


def in_child(store: Store, change: str, release: str, prepare: Callable[[], object]) -> int:
    """Make a change in a process of its own; its exit code."""
    child = os.fork()
    if not child:
        try:
            prepare()
            with_errors(store, change, release)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EIO, errno.EROFS])
@each_change
def test_a_disk_that_fails_at_any_point_leaves_one_of_the_two(folder, monkeypatch, change, number):
    for at in POINTS:
        store, release = one_of_two(folder / str(at), change)
        with monkeypatch.context() as broken:
            failing_disk(broken, at, number)
            with_errors(store, change, release)
        goes_on(store)


def failing_disk(monkeypatch: pytest.MonkeyPatch, at: int, number: int) -> None:
    """Let the disk fail from its `at`th use on."""
    uses = 0

    def failing(real):
        def use(*arguments, **more):
            nonlocal uses
            uses += 1
            if uses >= at:
                raise OSError(number, os.strerror(number))
            return real(*arguments, **more)

        return use

    monkeypatch.setattr(os, 'fsync', failing(os.fsync))
    for name in ('replace', 'rename', 'write_bytes', 'mkdir'):
        monkeypatch.setattr(Path, name, failing(getattr(Path, name)))


@each_change
def test_a_process_killed_at_any_point_leaves_one_of_the_two(folder, change):
    codes = set()
    for at in POINTS:
        store, release = one_of_two(folder / str(at), change)
        codes.add(in_child(store, change, release, Disk(at, 'kept').watch))
        goes_on(store)
    assert codes == {0, 9}, 'some points are in the midst of it, the last is after it'


@pytest.mark.parametrize('renames', ['kept', 'undone'])
@each_change
def test_a_power_cut_at_any_point_leaves_one_of_the_two(folder, change, renames):
    codes = set()
    for at in POINTS:
        store, release = one_of_two(folder / str(at), change)
        codes.add(in_child(store, change, release, Disk(at, renames, cut=True).watch))
        goes_on(store)
    assert codes == {0, 9}


class Disk:
    """
    The disk of this process, which ends at a use of it.

    With `cut` it ends as the power is cut: of files that were not synchronized nothing is left,
    and what was renamed in a folder that was not is as the file system likes it, `kept` or
    `undone`.
    """

    def __init__(self, at: int, renames: str, *, cut: bool = False) -> None:
        self._at = at
        self._renames = renames
        self._cut = cut
        self._uses = 0
        self._open: set[Path] = set()
        self._renamed: list[tuple[Path, Path, Path | None]] = []

    def watch(self) -> None:
        """See each use from now on."""
        fsync, replace, open_ = os.fsync, Path.replace, Path.open

        def synchronize(descriptor: int) -> None:
            self._use()
            fsync(descriptor)
            path = Path(os.readlink(f'/proc/self/fd/{descriptor}'))
            self._open.discard(path)
            self._renamed = [each for each in self._renamed if each[1].parent != path]

        def rename(source: Path, target: Path) -> Path:
            self._use()
            before = None
            if target.is_file():
                before = target.with_name('.before')
                shutil.copy(target, before)
            replaced = replace(source, target)
            self._renamed.append((source, target, before))
            if source in self._open:
                self._open.add(target)
            return replaced

        def opened(path: Path, mode: str = 'r', *arguments, **more):
            if 'w' in mode:
                self._use()
                self._open.add(path.resolve())
            return open_(path, mode, *arguments, **more)

        os.fsync = synchronize
        Path.replace = Path.rename = rename
        Path.open = opened

    def _use(self) -> None:
        self._uses += 1
        if self._uses < self._at:
            return
        if self._cut:
            for path in self._open:
                if path.exists():
                    os.truncate(path, 0)
            for source, target, before in reversed(self._renamed):
                if self._renames == 'undone':
                    os.replace(target, source)
                    if before:
                        os.replace(before, target)
        os._exit(9)
