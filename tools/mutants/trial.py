# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Tries one change after another in a copy of the tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import time
from typing import Any

from tools.mutants.changes import Change, equivalents, room_of, ROOT
from tools.mutants.nearest import digest, Map, named_after, nearest

CACHE = ROOT / '.cache' / 'mutants'
# How long tests may take, beyond five times what they took without a change, s. What takes longer
# is measured again without the change and tried again, as the machine may have become slower.
PATIENCE = 30.0
# How long the tests named after a file may take to notice a change before the others are known, s.
AT_ONCE = 40.0
# A test that takes longer waits for something, s: it may fail by the machine's load, so it has to
# fail twice.
WAITS = 0.3


@dataclass
class Result:
    """What became of one change: killed, survived or not tried, by which test and how long."""

    change: Change
    outcome: str
    by: str = ''
    seconds: float = 0.0


class Shard:
    """A copy of the tree in which one change at a time is tried."""

    def __init__(self, folder: Path, maps: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        self._copy()
        self.map = Map(maps, folder)
        path = os.pathsep.join(filter(None, (str(folder), os.environ.get('PYTHONPATH'))))
        self._server = subprocess.Popen(
            [sys.executable, ROOT / 'tools' / 'mutants' / 'fork_server.py'],
            cwd=folder,
            env={**os.environ, 'PYTHONPATH': path, 'PYTHONDONTWRITEBYTECODE': '1'},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _copy(self) -> None:
        files = subprocess.check_output(
            ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT
        )
        for name in files.decode().split('\0')[:-1]:
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.folder / name)

    @property
    def pid(self) -> int:
        """ID of the process that runs the tests' processes."""
        return self._server.pid

    def close(self) -> None:
        """End the server, which ends what it started, and remove the copy."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(
        self, files: list[str], only: list[str] | None, timeout: float, mapped: bool = False
    ) -> dict[str, Any]:
        """Run tests; see fork_server.py for the answer."""
        assert self._server.stdin is not None and self._server.stdout is not None
        request = {'files': files, 'only': only, 'timeout': timeout, 'map': mapped}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError(f'the server of {self.folder} ended: {self._server.wait()}')
        found: dict[str, Any] = json.loads(line)
        if found['outcome'] == 'broken':
            raise RuntimeError(f'{files} could not be run: {found["failed"]}')
        return found

    def know(self, test: str) -> None:
        """Run a test file without a change, to know which lines it runs, and how long it takes."""
        answer = self.run([test], None, 900.0, mapped=True)
        if not answer['tests'] and answer['outcome'] not in ('nothing', 'passed'):
            raise RuntimeError(f'{test} did not run: {answer["outcome"]}: {answer["failed"]}')
        failed = [name for name, (_, passed) in answer['tests'].items() if not passed]
        if failed:
            # It may be the load, or coverage, that slows them.
            again = self.run([test], failed, 900.0)
            answer['tests'].update(again['tests'])
        failed = [name for name, (_, passed) in answer['tests'].items() if not passed]
        print(f'  {test}: {len(answer["tests"])} tests, {answer["seconds"]:.0f} s', flush=True)
        for name in failed:
            print(f'  fails without a change, not used: {name}', flush=True)
        self.map.add(test, answer)

    def attempt(self, change: Change, far: bool) -> Result:
        """Try a change by the nearest tests that run its lines."""
        began = time.monotonic()
        if by := self._kill_at_once(change):
            return Result(change, 'killed', by, time.monotonic() - began)
        tried: set[str] = set()
        for files in self._portions(change.file, far):
            usual = self.map.chosen(change, files)
            if not usual:
                continue
            used = [file for file in files if any(name.startswith(f'{file}::') for name in usual)]
            tried.update(usual)
            if by := self._kill(change, used, usual):
                return Result(change, 'killed', by, time.monotonic() - began)
        if not tried:
            # Maybe a program runs it that a test starts, where no coverage is.
            for test in named_after(change.file):
                usual = self.map.passing(test)
                tried.update(usual)
                if usual and (by := self._kill(change, [test], usual)):
                    return Result(change, 'killed', by, time.monotonic() - began)
        by = f'{len(tried)} tests' if tried else 'no test runs it'
        return Result(change, 'survived', by, time.monotonic() - began)

    def _kill_at_once(self, change: Change) -> str:
        """
        Return the test named after the file that fails by a change; '' if none does soon.

        Most changes end here, without the run under coverage that knowing the tests takes.
        """
        answer = self._changed(change, named_after(change.file), None, AT_ONCE)
        if answer['outcome'] != 'failed':
            return ''
        by: str = answer['failed']
        # It may fail by the machine's load, or always.
        alone = [by.split('::')[0]], [by]
        with_it = self._changed(change, *alone, PATIENCE)['outcome']
        without = self.run(*alone, PATIENCE)['outcome']
        return by if (with_it, without) == ('failed', 'passed') else ''

    def _portions(self, file: str, far: bool) -> Iterator[list[str]]:
        """Yield test files, nearest first; of each step those first whose lines are known."""
        for step in nearest(file, far):
            known = [test for test in step if self.map.is_of(test, file)]
            yield known
            for test in step:
                if test not in known:
                    self.know(test)
                    yield [test]

    def quick(self, change: Change, limit: float) -> Result:
        """Try a change by the tests that are named after its file, none of them run before."""
        began = time.monotonic()
        files = named_after(change.file)
        answer = self._changed(change, files, None, limit)
        outcome = {'failed': 'killed', 'passed': 'survived'}.get(answer['outcome'], 'not tried')
        by = answer['failed'] or answer['outcome']
        return Result(change, outcome, by, time.monotonic() - began)

    def _kill(self, change: Change, files: list[str], usual: dict[str, float]) -> str:
        """Return the test that fails by a change; '' if none does."""
        names = list(usual)
        answer = self._changed(change, files, names, 5 * sum(usual.values()) + PATIENCE)
        if answer['outcome'] == 'timeout':
            now = self.run(files, names, 900.0)
            if now['outcome'] != 'passed':
                return ''
            answer = self._changed(change, files, names, 3 * now['seconds'] + PATIENCE)
            return 'took too long' if answer['outcome'] == 'timeout' else answer['failed']
        by: str = answer['failed']
        if answer['outcome'] == 'failed' and usual.get(by, 0.0) > WAITS:
            # Alone, and if that passes, it was the load: the others have to notice.
            file = by.split('::')[0]
            if (
                self._changed(change, [file], [by], 5 * usual[by] + PATIENCE)['outcome']
                == 'passed'
            ):
                others = {name: seconds for name, seconds in usual.items() if name != by}
                return self._kill(change, files, others) if others else ''
        return by

    def _changed(
        self, change: Change, files: list[str], only: list[str] | None, timeout: float
    ) -> dict[str, Any]:
        file = self.folder / change.file
        text = file.read_text()
        file.write_text(change.apply(text))
        try:
            return self.run(files, only, timeout)
        finally:
            file.write_text(text)


class Results:
    """What became of the changes so far: one JSON object a line of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, result: Result) -> None:
        """Write one down."""
        text = digest(ROOT / result.change.file)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open('a') as file:
            file.write(json.dumps({**asdict(result), 'text': text}) + '\n')

    def read(self) -> dict[Change, Result]:
        """Return the last result of each change of a file that is as it was."""
        found = {}
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        for entry in map(json.loads, lines):
            file = ROOT / entry['change']['file']
            places = {name: tuple(entry['change'].pop(name)) for name in ('start', 'end')}
            change = Change(**entry['change'], **places)
            if file.exists() and digest(file) == entry['text']:
                result = Result(change, entry['outcome'], entry['by'], entry['seconds'])
                found.pop(change, None)
                found[change] = result
        return found

    def clear(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)


def report(results: Iterable[Result]) -> Iterator[str]:
    """Yield the lines of the report."""
    known = equivalents()
    results = list(results)
    tried = [one for one in results if one.outcome != 'not tried' and one.change.key not in known]
    for title, key in (
        ('room', lambda one: room_of(one.change.file)),
        ('kind of change', lambda one: one.change.kind),
    ):
        groups: dict[str, list[Result]] = defaultdict(list)
        for one in tried:
            groups[key(one)].append(one)
        yield f'{title:<24} run killed score'
        for name in sorted(groups):
            killed = sum(one.outcome == 'killed' for one in groups[name])
            count = len(groups[name])
            yield f'{name:<24} {count:>3} {killed:>6} {killed / count:>5.0%}'
        yield ''
    for one in results:
        if one.outcome != 'killed':
            reason = known.get(one.change.key)
            outcome = f'equivalent ({reason})' if reason else f'{one.outcome} ({one.by})'
            yield f'{outcome}: {one.change}'


def score(results: Iterable[Result]) -> float:
    """Return how many percent of those that were tried, equivalent ones apart, were killed."""
    known = equivalents()
    tried = [one for one in results if one.outcome != 'not tried' and one.change.key not in known]
    return 100.0 * sum(one.outcome == 'killed' for one in tried) / max(len(tried), 1)
