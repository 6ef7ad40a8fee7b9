#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Change single lines of the critical rooms, and see whether the nearest tests notice.

    tools/mutants.py --count 300 --seed 7       a sample, two at a time
    tools/mutants.py xparo_bridge/link/lanes.py all changes of a file, or of files in a folder
    tools/mutants.py --minutes 4                as many as fit

Each change is tried in a copy of the tree by the tests nearest to its file: those named after it,
those that import its module, then the whole folder of its room, and with --far the end-to-end
tests. The first that fails ends it. The report says the score by room and by kind of change and
lists what lived. What lives because it changes nothing is in tools/equivalent_mutants.yaml, with
the reason. Exit code 1 if the score is below --least, in percent.
"""

from __future__ import annotations

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import as_completed, ThreadPoolExecutor
from dataclasses import dataclass, field
import os
from pathlib import Path
import queue
import random
import re
import shutil
import subprocess
import sys
import time

import yaml

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / '.cache' / 'mutants'
EQUIVALENT = ROOT / 'tools' / 'equivalent_mutants.yaml'
# The critical rooms: what moves the robot, what comes in and goes out.
ROOMS = {
    'commands': ('xparo_bridge/robot/commands/**/*.py',),
    'action goals': ('xparo_bridge/ros/action*.py', 'xparo_bridge/ros/motion_actions.py'),
    'link': ('xparo_bridge/link/**/*.py',),
    'crossing': ('xparo_bridge/crossing.py', 'xparo_bridge/turns.py'),
    'trees': ('xparo_bridge/behavior/ros/tree*.py', 'xparo_bridge/behavior/*.py'),
    'telemetry': ('xparo_bridge/robot/telemetry/**/*.py', 'xparo_bridge/ros/*reader*.py'),
}
COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ('<', '<='),
    ast.LtE: ('<=', '<'),
    ast.Gt: ('>', '>='),
    ast.GtE: ('>=', '>'),
    ast.Eq: ('==', '!='),
    ast.NotEq: ('!=', '=='),
    ast.Is: ('is', 'is not'),
    ast.IsNot: ('is not', 'is'),
    ast.In: ('in', 'not in'),
    ast.NotIn: ('not in', 'in'),
}
CLEAN_UP = re.compile(
    r'(close|destroy\w*|cancel|stop|clear|forget|discard|remove|unlink|shutdown|join|release|abort'
    r'|terminate|kill|end|put|unsubscribe|remove_\w+)'
)
# What nobody but a reader of logs notices.
LOGGED = re.compile(r'\b(_?logger|get_logger\(\)|logging|warnings)\b')
# Whether a buffer has 1024 or 1025 bytes is nobody's business: larger numbers are left alone.
SMALL = 20
# How long the tests of a step may take, beyond three times what they took without a change, s.
PATIENCE = 30.0


@dataclass(frozen=True)
class Change:
    """One change of one place: `old` becomes `new` at a line and column of a file."""

    file: str
    kind: str
    start: tuple[int, int]
    end: tuple[int, int]
    old: str
    new: str
    line: str

    def apply(self, text: str) -> str:
        """Return the file's text with it."""
        lines = text.splitlines(keepends=True)
        first, last = self.start[0] - 1, self.end[0] - 1
        head = lines[first].encode()[: self.start[1]].decode()
        tail = lines[last].encode()[self.end[1] :].decode()
        return ''.join([*lines[:first], head + self.new + tail, *lines[last + 1 :]])

    def __str__(self) -> str:
        old, new = (' '.join(text.split()) for text in (self.old, self.new))
        return f'{self.file}:{self.start[0]}: {self.kind}: `{old[:60]}` -> `{new[:60]}`'


class _Finder(ast.NodeVisitor):
    """Finds what can be changed in one file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines(keepends=True)
        self.text = text
        self.found: list[Change] = []

    def add(self, kind: str, node: ast.AST, new: str) -> None:
        start = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
        end = (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        self.add_between(kind, start, end, new)

    def add_between(
        self, kind: str, start: tuple[int, int], end: tuple[int, int], new: str
    ) -> None:
        line = self.lines[start[0] - 1].strip()
        old = self._between(start, end)
        self.found.append(Change(self.file, kind, start, end, old, new, line))

    def _between(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        lines = [line.encode() for line in self.lines[start[0] - 1 : end[0]]]
        lines[-1] = lines[-1][: end[1]]
        lines[0] = lines[0][start[1] :]
        return b''.join(lines).decode()

    def source(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.text, node) or ''

    def visit_Compare(self, node: ast.Compare) -> None:  # noqa: N802
        if len(node.ops) == 1:
            old, new = COMPARED[type(node.ops[0])]
            left, right = self.source(node.left), self.source(node.comparators[0])
            kind = 'is or in' if old.split()[0] in ('is', 'in', 'not') else 'comparison'
            self.add(kind, node, f'({left} {new} {right})')
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:  # noqa: N802
        joined = ' or ' if isinstance(node.op, ast.And) else ' and '
        parts = [f'({self.source(value)})' for value in node.values]
        self.add('and, or', node, f'({joined.join(parts)})')
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:  # noqa: N802
        if self.source(node.test) != 'TYPE_CHECKING':
            self.add('condition negated', node.test, f'(not ({self.source(node.test)}))')
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:  # noqa: N802
        if not isinstance(node.test, ast.Constant):
            self.add('condition negated', node.test, f'(not ({self.source(node.test)}))')
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:  # noqa: N802
        if isinstance(node.op, ast.Not):
            self.add('not removed', node, f'({self.source(node.operand)})')
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:  # noqa: N802
        if isinstance(node.value, bool):
            self.add('flag', node, str(not node.value))
        elif isinstance(node.value, int) and node.value <= SMALL:
            self.add('off by one', node, f'({self.source(node)} + 1)')

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802
        other = {'min': 'max', 'max': 'min', 'any': 'all', 'all': 'any'}
        if isinstance(node.func, ast.Name) and node.func.id in other:
            self.add('min, max', node.func, other[node.func.id])
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:  # noqa: N802
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Constant):
            return  # A docstring.
        if isinstance(call, ast.Call) and not LOGGED.search(self.source(call.func)):
            name = self.source(call.func).rpartition('.')[2].lstrip('_')
            kind = 'clean-up dropped' if CLEAN_UP.fullmatch(name) else 'call dropped'
            self.add(kind, node, 'pass')
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:  # noqa: N802
        if node.type is not None:
            self.add('except dropped', node.type, '()')
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:  # noqa: N802
        constant = isinstance(node.value, ast.Constant)
        if node.value is not None and not (constant and node.value.value is None):  # type: ignore[attr-defined]
            self.add('return value', node.value, 'None')
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:  # noqa: N802
        """Leave texts as they are; before Python 3.12 their parts have no places of their own."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:  # noqa: N802
        if node.name not in ('__repr__', '__str__'):
            # Neither annotations nor decorators.
            for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
                self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]  # noqa: N815


def changes_of(file: Path, root: Path = ROOT) -> list[Change]:
    """All changes of a file."""
    text = file.read_text()
    finder = _Finder(file.relative_to(root).as_posix(), text)
    finder.visit(ast.parse(text))
    return [change for change in finder.found if _compiles(change, text)]


def _compiles(change: Change, text: str) -> bool:
    try:
        compile(change.apply(text), change.file, 'exec')
    except SyntaxError:
        return False
    return True


def room_of(file: str) -> str:
    """Return the room of a file; its folder if it is in none."""
    for room, patterns in ROOMS.items():
        if any((ROOT / file) in set(ROOT.glob(pattern)) for pattern in patterns):
            return room
    return Path(file).parent.as_posix()


def sample(changes: list[Change], count: int, seed: str) -> list[Change]:
    """
    Choose so many: half of them evenly over the kinds of change, half over all.

    The rare kinds, dropped clean-ups and except clauses, are those that tests overlook.
    """
    chooser = random.Random(seed)
    changes = chooser.sample(changes, len(changes))
    by_kind: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_kind[change.kind].append(change)
    chosen: dict[Change, None] = {}
    share = -(-count // (2 * max(len(by_kind), 1)))
    for kind in sorted(by_kind):
        chosen.update(dict.fromkeys(by_kind[kind][:share]))
    for change in changes:
        if len(chosen) >= count:
            break
        chosen[change] = None
    mixed = list(chosen)[:count]
    return chooser.sample(mixed, len(mixed))


def nearest(file: str, far: bool = False) -> list[list[str]]:
    """Return the test files of each step, nearest first."""
    path = Path(file)
    tests = sorted((ROOT / 'test').rglob('test_*.py'))
    texts = {test: test.read_text() for test in tests}
    module = '.'.join(path.with_suffix('').parts)
    stem = path.stem
    home = ROOT / 'test' / Path(*path.parts[1:-1])
    while not home.is_dir():
        home = home.parent
    if stem == '__init__':
        stem, module = path.parent.name, '.'.join(path.parent.parts)
    words = re.compile(rf'\b{re.escape(module)}\b')
    apart = ('acceptance', 'chaos', 'console', 'end_to_end', 'hostile', 'scenarios')
    steps: list[list[Path]] = [
        [test for test in tests if re.fullmatch(rf'test_(\w+_)?{stem}s?', test.stem)],
        [test for test in tests if words.search(texts[test]) and not set(apart) & set(test.parts)],
        [test for test in tests if test.is_relative_to(home) and not set(apart) & set(test.parts)]
        if home != ROOT / 'test'
        else [],
    ]
    if far:
        steps.append([test for test in tests if 'end_to_end' in test.parts])
    seen: set[Path] = set()
    found = []
    for step in steps:
        new = [test for test in step if test not in seen]
        seen.update(new)
        if new:
            found.append([test.relative_to(ROOT).as_posix() for test in new])
    return found


@dataclass
class Result:
    """What became of one change: killed, survived or not tried, by which tests and how long."""

    change: Change
    outcome: str
    by: str = ''
    seconds: float = 0.0


@dataclass
class Shard:
    """A copy of the tree in which one change at a time is tried."""

    folder: Path
    times: dict[str, float] = field(default_factory=dict)

    @classmethod
    def make(cls, number: int) -> Shard:
        """Copy what is in the repository."""
        folder = CACHE / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        files = subprocess.check_output(
            ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT
        )
        for name in files.decode().split('\0')[:-1]:
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)
        return cls(folder)

    def run(self, tests: list[str], timeout: float) -> tuple[bool | None, str]:
        """Return whether the tests pass, None if nothing was run, and what failed."""
        path = os.pathsep.join(filter(None, (str(self.folder), os.environ.get('PYTHONPATH'))))
        command = [sys.executable, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider', *tests]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, 'PYTHONPATH': path, 'PYTHONDONTWRITEBYTECODE': '1'},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return False, 'took too long'
        failed = re.search(r'^(?:FAILED|ERROR) (\S+)', output, re.MULTILINE)
        if process.returncode == 5:
            return None, ''
        return process.returncode == 0, failed[1] if failed else output[-200:]

    def time_of(self, tests: list[str]) -> float | None:
        """Return how long tests take without a change, s; None if they fail without one."""
        key = ' '.join(tests)
        if key not in self.times:
            began = time.monotonic()
            passed, _ = self.run(tests, 900.0)
            self.times[key] = -1.0 if passed is False else time.monotonic() - began
        return None if self.times[key] < 0 else self.times[key]

    def attempt(self, change: Change, far: bool) -> Result:
        """Try a change by the nearest tests."""
        began = time.monotonic()
        file = self.folder / change.file
        text = file.read_text()
        tried = False
        for tests in nearest(change.file, far):
            usual = self.time_of(tests)
            if usual is None:
                continue
            tried = True
            file.write_text(change.apply(text))
            try:
                passed, by = self.run(tests, 3 * usual + PATIENCE)
            finally:
                file.write_text(text)
            if passed is False:
                return Result(change, 'killed', by, time.monotonic() - began)
        outcome = 'survived' if tried else 'not tried'
        return Result(change, outcome, '', time.monotonic() - began)


def equivalents() -> dict[tuple[str, str, str], str]:
    """Return the reason of each change that changes nothing, by file, kind and line."""
    if not EQUIVALENT.exists():
        return {}
    entries = yaml.safe_load(EQUIVALENT.read_text()) or []
    return {(one['file'], one['kind'], one['line']): one['reason'] for one in entries}


def report(results: Iterable[Result]) -> Iterator[str]:
    """Yield the lines of the report."""
    results = list(results)
    tried = [one for one in results if one.outcome != 'not tried']
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
            yield f'{one.outcome}: {one.change}'


def score(results: Iterable[Result]) -> float:
    """Return how many percent of those that were tried were killed."""
    tried = [one for one in results if one.outcome != 'not tried']
    return 100.0 * sum(one.outcome == 'killed' for one in tried) / max(len(tried), 1)


def main() -> int:
    """Try a sample and print the report."""
    parser = argparse.ArgumentParser(description='Change lines, and see whether tests notice.')
    parser.add_argument('paths', nargs='*', help='files and folders; the critical rooms if none')
    parser.add_argument('--count', type=int, default=300, help='how many changes')
    parser.add_argument('--seed', default='7', help='which; any text')
    parser.add_argument('--minutes', type=float, default=1e6, help='end after so long')
    parser.add_argument('--shards', type=int, default=2, help='how many at a time')
    parser.add_argument('--far', action='store_true', help='try survivors end to end too')
    parser.add_argument('--least', type=float, default=0.0, help='least score, percent')
    parser.add_argument('--list', action='store_true', help='only list the changes')
    options = parser.parse_args()
    known = equivalents()
    changes = [
        change
        for file in files_of(options.paths)
        for change in changes_of(file)
        if (change.file, change.kind, change.line) not in known
    ]
    if not changes:
        print('there is nothing to change in these files', file=sys.stderr)
        return 2
    chosen = sample(changes, options.count, options.seed)
    print(f'{len(chosen)} of {len(changes)} changes, seed {options.seed}', flush=True)
    if options.list:
        print(*chosen, sep='\n')
        return 0
    results = list(attempts(chosen, options))
    print(*report(results), sep='\n')
    found = score(results)
    print(f'score {found:.1f} % of {len(results)} changes')
    return 1 if found < options.least else 0


def files_of(paths: list[str]) -> list[Path]:
    """Return the Python files of paths, or of the critical rooms."""
    if not paths:
        patterns = (pattern for room in ROOMS.values() for pattern in room)
        return sorted({file for pattern in patterns for file in ROOT.glob(pattern)})
    found: set[Path] = set()
    for path in map(Path, paths):
        full = path.resolve()
        if not full.is_relative_to(ROOT) or not full.exists():
            raise SystemExit(f'{path}: expected a file or folder of this repository')
        found.update(full.rglob('*.py') if full.is_dir() else [full])
    return sorted(found)


def attempts(chosen: list[Change], options: argparse.Namespace) -> Iterator[Result]:
    """Try changes, some at a time, and say each as it ends."""
    shards: queue.SimpleQueue[Shard] = queue.SimpleQueue()
    for number in range(options.shards):
        shards.put(Shard.make(number))
    until = time.monotonic() + 60.0 * options.minutes

    def attempt(change: Change) -> Result | None:
        if time.monotonic() >= until:
            return None
        shard = shards.get()
        try:
            return shard.attempt(change, options.far)
        finally:
            shards.put(shard)

    with ThreadPoolExecutor(options.shards) as pool:
        waiting = [pool.submit(attempt, change) for change in chosen]
        for number, done in enumerate(as_completed(waiting), 1):
            result = done.result()
            if result is not None:
                by = f' by {result.by}' if result.by else ''
                words = f'{result.outcome}{by}, {result.seconds:.0f} s: {result.change}'
                print(f'{number}/{len(chosen)} {words}', flush=True)
                yield result


if __name__ == '__main__':
    sys.exit(main())
