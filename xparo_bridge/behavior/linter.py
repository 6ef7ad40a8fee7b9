# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check tree files: a linter for authors and for continuous integration.

    check_tree [--assume-nodes] [--strict] [--tree-folder FOLDER] [--nav2 RELEASE] FILE...

prints every error and warning with its line, and the node types each file uses. The exit code is
0 if there is no error, 1 if there is one, and 2 if a file cannot be read.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
import sys

from ..argument_types import Parser
from ..errors import words_of
from ..utf8 import read_text
from . import nav2
from .budget import SCRIPTS as _SCRIPTS
from .document import Element, Limits
from .errors import BehaviorError, Problem
from .loader import Reader
from .nodes import builtin_registry
from .ports import Direction, is_port_name, remapped_key
from .registry import NodeRegistry
from .script import parse_script
from .script.syntax import Assignment, Name
from .verify import node_type


def default_registry() -> NodeRegistry:
    """Make the registry of node types known everywhere: builtin, Nav2's and installed ones."""
    registry = builtin_registry()
    nav2.register(registry)
    registry.discover()
    return registry


def main(argv: Sequence[str] | None = None, registry: NodeRegistry | None = None) -> int:
    """Check the files named on the command line and return the exit code."""
    return check(parser().parse_args(argv), registry)


def check(options: argparse.Namespace, registry: NodeRegistry | None = None) -> int:
    """Check the files of parsed options and return the exit code."""
    # Types whose nodes need ROS are known, and checking a tree does not run them.
    registry = (registry or default_registry()).with_stubs()
    try:
        for name, _, value in (text.partition('=') for text in options.enum):
            registry.add_enum(name, int(value))
    except (BehaviorError, ValueError) as error:
        print(f'check_tree: --enum: {error}', file=sys.stderr)
        return 2
    return max((_check_file(file, registry, options) for file in options.files), default=0)


def parser(releases: Sequence[str] = (*nav2.RELEASES, 'all')) -> argparse.ArgumentParser:
    """Make the parser of the arguments; `releases` are those of Nav2 that may be named."""
    made = Parser(prog='check_tree', description='Check behaviour trees in BehaviorTree.CPP XML.')
    made.add_argument('files', nargs='+', metavar='FILE', help="a tree; '-' reads it from stdin")
    made.add_argument(
        '--assume-nodes',
        action='store_true',
        help='accept leaves of unknown types, with any ports',
    )
    made.add_argument(
        '--strict', action='store_true', help='refuse format 3, as BehaviorTree.CPP 4 does'
    )
    made.add_argument(
        '--tree-folder', type=Path, help='where <include> may read; else the folder of the file'
    )
    made.add_argument(
        '--enum',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='a constant that scripts may use; may be given more than once',
    )
    made.add_argument(
        '--nav2',
        choices=releases,
        help='also say which node types and ports a release of Nav2 lacks, or each of them',
    )
    return made


def _check_file(name: str, registry: NodeRegistry, options: argparse.Namespace) -> int:
    path = Path(name)
    try:
        text = sys.stdin.read() if name == '-' else read_text(path)
    except UnicodeDecodeError:  # Of the terminal's encoding.
        print(f'{name}: cannot be read: it is not UTF-8; save it as UTF-8', file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f'{name}: cannot be read: {words_of(error)}', file=sys.stderr)
        return 2
    folder = options.tree_folder or (Path.cwd() if name == '-' else path.parent)
    reader = Reader(
        registry,
        Limits(),
        folder,
        migrate=not options.strict,
        assume_nodes=options.assume_nodes,
    )
    reader.read(text)
    reader.check_all()
    if options.nav2:
        releases = nav2.RELEASES if options.nav2 == 'all' else (options.nav2,)
        for release in releases:
            reader.problems.extend(missing_of_nav2(reader, release))
    for problem in sorted((*reader.problems, *reader.warnings), key=lambda each: each.line):
        kind = 'warning' if problem.is_warning else 'error'
        place = f'{folder / problem.file}' if problem.file else name
        where = f'{problem.path}: ' if problem.path else ''
        hint = f' ({problem.hint})' if problem.hint else ''
        print(f'{place}:{problem.line}: {kind}: {where}{problem.message}{hint}')
    _print_nodes(name, reader, registry)
    return 1 if reader.problems else 0


def needed_entries(reader: Reader, registry: NodeRegistry) -> list[str]:
    """
    The entries that the main tree reads and nothing in it writes: who runs it must give them.

    What a SubTree is connected to may be written by it, and counts as written.
    """
    tree = reader.trees.get(reader.main_tree)
    read: set[str] = set()
    written: set[str] = set()
    for element in _nodes_of(tree) if tree is not None else ():
        manifest = registry.find(node_type(element))
        for name, text in element.attributes.items():
            if name in _SCRIPTS:
                written |= assigned_names(text)
                continue
            key = remapped_key(name, text) if is_port_name(name) else None
            port = None if manifest is None else manifest.ports.get(name)
            if name == 'output_key':
                written.add(key or text)
            elif key is None:
                continue
            elif port is not None and port.direction is Direction.INPUT:
                read.add(key)
            elif element.tag == 'SubTree' or port is not None:
                written.add(key)
            else:
                read.add(key)  # A port that is not declared, such as a parameter of a command.
    return sorted(key for key in read - written if key[:1] != '@')


def assigned_names(script: str) -> set[str]:
    """The names that a script assigns to; none if it is malformed."""
    try:
        statements = parse_script(script)
    except BehaviorError:
        return set()
    waiting: list[object] = list(statements)
    found = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, Assignment) and isinstance(part.target, Name):
            found.add(part.target.name)
        for name in getattr(part, '__dataclass_fields__', ()):
            value = getattr(part, name)
            waiting.extend(value if isinstance(value, tuple) else (value,))
    return found


def missing_of_nav2(reader: Reader, release: str) -> Iterator[Problem]:
    """What the trees of a document use of Nav2 that a release does not have, each thing once."""
    has = nav2.manifest_of(release)
    known = {name for each in nav2.RELEASES for name in nav2.manifest_of(each)}
    seen: set[tuple[str, str]] = set()
    for tree in reader.trees.values():
        for element in _nodes_of(tree):
            name = node_type(element)
            if name not in known:
                continue
            if name not in has:
                missing = {'': f'Nav2 {release} has no node type {name}'}
            else:
                missing = {
                    port: f'{name} has no port [{port}] in Nav2 {release}'
                    for port in element.attributes
                    if is_port_name(port) and port not in has[name]
                }
            for port, text in missing.items():
                if (name, port) not in seen:
                    seen.add((name, port))
                    yield Problem(text, element.line, element.get('name'), file=element.file)


def _print_nodes(name: str, reader: Reader, registry: NodeRegistry) -> None:
    used = Counter(
        node_type(element)
        for tree in reader.trees.values()
        for element in _nodes_of(tree)
        if registry.find(node_type(element))
    )
    counts = ', '.join(f'{type_id} {count}' for type_id, count in sorted(used.items()))
    print(f'{name}: nodes used: {counts or "none"}')
    if reader.unknown:
        print(f'{name}: unknown nodes: {", ".join(sorted(reader.unknown))}')
    needed = needed_entries(reader, registry)
    if needed:
        print(f'{name}: entries needed from outside: {", ".join(needed)}')
    errors, warnings = len(reader.problems), len(reader.warnings)
    print(f'{name}: {errors} errors, {warnings} warnings')


def _nodes_of(tree: Element) -> list[Element]:
    return [element for element in tree.walk() if element is not tree]


if __name__ == '__main__':
    sys.exit(main())
