# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can be changed in the critical rooms, the sample of a seed, and what changes nothing."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import re

import yaml

ROOT = Path(__file__).resolve().parents[2]
# What lives because it changes nothing, with the reason.
EQUIVALENT = Path(__file__).with_name('equivalent.yaml')
# The first 300 that were tried. A test was written for each that lived, so each has to be noticed.
TRIED = Path(__file__).with_name('tried.jsonl')
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

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it in the list of equivalent changes: file, kind and text of the line."""
        return (self.file, self.kind, self.line)

    @property
    def lines(self) -> range:
        """The lines it is in, counted from 1."""
        return range(self.start[0], self.end[0] + 1)

    def __str__(self) -> str:
        old, new = (' '.join(text.split()) for text in (self.old, self.new))
        return f'{self.file}:{self.start[0]}: {self.kind}: `{old[:60]}` -> `{new[:60]}`'


class _Finder(ast.NodeVisitor):
    """Finds what can be changed in one file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines(keepends=True)
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
        # ast.get_source_segment splits the whole file for each: 10 s of CPU for all rooms.
        assert node.end_lineno is not None and node.end_col_offset is not None
        end = (node.end_lineno, node.end_col_offset)
        return self._between((node.lineno, node.col_offset), end)

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

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        for part in node.body:  # Not decorators: whether a dataclass has slots nobody notices.
            self.visit(part)

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
    return finder.found


def compiles(change: Change, root: Path = ROOT) -> bool:
    """Return whether a file is Python with a change."""
    try:
        compile(change.apply((root / change.file).read_text()), change.file, 'exec')
    except SyntaxError:
        return False
    return True


def room_of(file: str) -> str:
    """Return the room of a file; its folder if it is in none."""
    for room, patterns in ROOMS.items():
        if any((ROOT / file) in set(ROOT.glob(pattern)) for pattern in patterns):
            return room
    return Path(file).parent.as_posix()


def numbered(changes: Iterable[Change]) -> dict[tuple[str, str, str, str, int], Change]:
    """Name each change by what stays when lines before it change; equal ones by their number."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    found = {}
    for change in changes:
        name = (*change.key, change.old)
        found[*name, seen[name]] = change
        seen[name] += 1
    return found


def tried(changes: Iterable[Change]) -> list[Change]:
    """Return those of the first 300 that are still there; what was rewritten since is not."""
    there = numbered(changes)
    entries = [json.loads(line) for line in TRIED.read_text().splitlines()]
    names = [tuple(one[key] for key in ('file', 'kind', 'line', 'old', 'nth')) for one in entries]
    return [there[name] for name in names if name in there]


def sample(changes: list[Change], count: int, seed: str, root: Path = ROOT) -> list[Change]:
    """
    Choose so many: half of them evenly over the kinds of change, half over all.

    The rare kinds, dropped clean-ups and except clauses, are those that tests overlook. A change
    is chosen by its own text, so that a seed chooses the same ones after others were rewritten.
    """

    def place(name: tuple[str, str, str, str, int]) -> bytes:
        return hashlib.sha256(f'{seed} {name}'.encode()).digest()

    names = numbered(changes)
    changes = [names[name] for name in sorted(names, key=place)]
    by_kind: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_kind[change.kind].append(change)
    chosen: dict[Change, None] = {}
    share = -(-count // (2 * max(len(by_kind), 1)))
    for kind in sorted(by_kind):
        some = [change for change in by_kind[kind][:share] if compiles(change, root)]
        chosen.update(dict.fromkeys(some))
    for change in changes:
        if len(chosen) >= count:
            break
        if compiles(change, root):
            chosen[change] = None
    kept = set(list(chosen)[:count])
    return [change for change in changes if change in kept]


def equivalents() -> dict[tuple[str, str, str], str]:
    """Return the reason of each change that changes nothing, by file, kind and line."""
    if not EQUIVALENT.exists():
        return {}
    entries = yaml.safe_load(EQUIVALENT.read_text()) or []
    return {(one['file'], one['kind'], one['line']): one['reason'] for one in entries}


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
