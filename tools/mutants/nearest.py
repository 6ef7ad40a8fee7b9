# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Which tests are nearest to a change: by the names of files, and by the lines that tests run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
import functools
import hashlib
import json
from pathlib import Path
import re
from typing import Any

from tools.mutants.changes import Change, ROOT

# Not near: they start whole programs.
APART = (
    'acceptance',
    'chaos',
    'console',
    'doctor',
    'end_to_end',
    'hostile',
    'rollout',
    'scenarios',
    'tools',
)
# What the tests of one portion may take together without a change, s; the quickest are taken.
BUDGET = 15.0
# How many test files of a step are near.
OF_STEP = 4
_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# How many tests are kept of each line.
KEPT = 200


@functools.cache
def _texts() -> dict[Path, str]:
    return {test: test.read_text() for test in sorted((ROOT / 'test').rglob('test_*.py'))}


@functools.cache
def nearest(file: str, far: bool = False) -> list[list[str]]:
    """
    Return the test files of each step: named after a file, importing it, speaking of it, its room.

    Of a file that no test speaks of, those of the files that import it. All the others of its room
    come last: what a file does may be tried by data, or through others.
    """
    found = _steps(Path(file))
    if not found:
        users = [_steps(path) for path in _importing(Path(file))]
        found = [[test for steps in users for step in steps[:1] for test in step]]
    found = [*found, _room(Path(file))]
    if far:
        found.append([test for test in _texts() if 'end_to_end' in test.parts])
    seen: set[Path] = set()
    steps = []
    for step in found:
        new = [test for test in dict.fromkeys(step) if test not in seen]
        seen.update(new)
        if new:
            steps.append([test.relative_to(ROOT).as_posix() for test in new])
    return steps


@functools.cache
def _steps(path: Path) -> list[list[Path]]:
    module = '.'.join(path.with_suffix('').parts)
    stem = path.stem
    home = _home(path)
    if stem == '__init__':
        stem, module = path.parent.name, '.'.join(path.parent.parts)
    imports = re.compile(rf'\b{re.escape(module)}\b')
    tests = _near()
    speaking = _speaking(path, tests)
    named = [test for test in tests if re.fullmatch(rf'test_(\w+_)?{stem}s?', test.stem)]
    in_room = [test for test in named if test.is_relative_to(home)]
    steps = [
        in_room or named,
        [test for test in speaking if imports.search(_texts()[test])],
        [test for test in speaking if home != ROOT / 'test' and test.is_relative_to(home)],
    ]
    return [step[:OF_STEP] for step in steps if step]


def _near() -> list[Path]:
    return [test for test in _texts() if not set(APART) & set(test.parts)]


def _home(path: Path) -> Path:
    """Return the folder of a file's tests, or the nearest above it that there is."""
    home = ROOT / 'test' / Path(*path.parts[1:-1])
    while not home.is_dir():
        home = home.parent
    return home


def _room(path: Path) -> list[Path]:
    home = _home(path)
    return [] if home == ROOT / 'test' else [t for t in _near() if t.is_relative_to(home)]


def named_after(file: str) -> list[str]:
    """Return the tests that are named after a file, of its room."""
    path = Path(file)
    home = ROOT / 'test' / Path(*path.parts[1:-1])
    found = sorted(home.glob(f'test_{path.stem}*.py'))
    return [test.relative_to(ROOT).as_posix() for test in found][:OF_STEP]


def _speaking(path: Path, tests: list[Path]) -> list[Path]:
    """Return the tests that speak of what a file defines, those first that speak of most."""
    tree = ast.parse((ROOT / path).read_text())
    names = {node.name for node in ast.walk(tree) if isinstance(node, _NAMED)}
    names = {name for name in names if not name.startswith('_') and len(name) > 4} | {path.stem}
    words = re.compile(rf'\b({"|".join(names)})\b')
    found = {test: len(set(words.findall(_texts()[test]))) for test in tests}
    return [test for test in sorted(tests, key=lambda test: -found[test]) if found[test]]


def _importing(path: Path) -> list[Path]:
    """Return the files of its folder, and of the one above, that import a file."""
    imports = re.compile(
        rf'^from [.\w]*\.{path.stem} import|^from \.+ import .*\b{path.stem}\b', re.M
    )
    folders = {(ROOT / path).parent, (ROOT / path).parent.parent}
    files = [file for folder in sorted(folders) for file in sorted(folder.glob('*.py'))]
    return [file.relative_to(ROOT) for file in files if imports.search(file.read_text())]


def digest(file: Path) -> str:
    """Return what names the text of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


class Map:
    """
    Which lines each test runs, how long it takes, and whether it passes without a change.

    Kept by test file in a folder; what was made of other texts is made anew.
    """

    def __init__(self, folder: Path, tree: Path) -> None:
        self._folder = folder
        self._tree = tree
        self._known: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, test: str) -> dict[str, Any] | None:
        """Return what is known of a test file as it is now."""
        if test not in self._known:
            try:
                self._known[test] = json.loads(self._path(test).read_text())
            except (OSError, ValueError):
                return None
        found = self._known[test]
        return found if found['digest'] == digest(self._tree / test) else None

    def is_of(self, test: str, file: str) -> bool:
        """Return whether the lines of a file are known as a test file runs them now."""
        found = self.of(test)
        if found is None:
            return False
        return found['sources'].get(file, '') in ('', digest(self._tree / file))

    def add(self, test: str, answer: dict[str, Any]) -> None:
        """Keep what a run of one test file told."""
        lines = {
            file: {line: [test for test in tests if test][:KEPT] for line, tests in found.items()}
            for file, found in answer['lines'].items()
        }
        self._known[test] = {
            'digest': digest(self._tree / test),
            'sources': {file: digest(self._tree / file) for file in lines},
            'tests': answer['tests'],
            'lines': lines,
        }
        self._path(test).write_text(json.dumps(self._known[test]))

    def passing(self, test: str) -> dict[str, float]:
        """Return the tests of a file that pass without a change, with their times, s."""
        known = self.of(test)
        tests = {} if known is None else known['tests']
        return {name: seconds for name, (seconds, passes) in tests.items() if passes}

    def chosen(self, change: Change, tests: Iterable[str]) -> dict[str, float]:
        """
        Return the tests of files that run the line of a change, the quickest, with their times, s.

        A line that only an import runs is run by all that run another line of its file.
        """
        found: dict[str, float] = {}
        for test in tests:
            if (known := self.of(test)) is None:
                continue
            lines = known['lines'].get(change.file, {})
            at = {name for line in change.lines for name in lines.get(str(line), ())}
            imported = any(str(line) in lines for line in change.lines)
            if not at and imported:
                at = {name for names in lines.values() for name in names}
            if test in at:  # A fixture of the file.
                at = set(known['tests'])
            for name in at:
                seconds, passes = known['tests'].get(name, (0.0, False))
                if passes:
                    found[name] = seconds
        within, spent = {}, 0.0
        for name in sorted(found, key=found.__getitem__):
            spent += found[name]
            if within and spent > BUDGET:
                break
            within[name] = found[name]
        return within

    def _path(self, test: str) -> Path:
        return self._folder / f'{test.replace("/", "+")}.json'
