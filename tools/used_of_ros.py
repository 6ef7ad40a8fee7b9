#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does the bridge use of rclpy, launch and ROS's interfaces, and do some sources have it.

    tools/used_of_ros.py                  lists it, by module or interface package
    tools/used_of_ros.py FOLDER ...       says what is missing in the sources under the folders

A folder is a checkout (of rclpy, launch, rcl_interfaces, ...) or has the installed packages. What
is private in rclpy is named in ros/rclpy_internals.py alone. A package that no folder has is said
not to be checked. The exit code is 1 if something is missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import sys

ROOT = Path(__file__).resolve().parents[1]
USED = ('xparo_bridge', 'launch')
PYTHON = ('rclpy', 'launch', 'launch_ros')
INTERFACES = (
    'action_msgs',
    'builtin_interfaces',
    'diagnostic_msgs',
    'geometry_msgs',
    'lifecycle_msgs',
    'nav_msgs',
    'rcl_interfaces',
    'rosgraph_msgs',
    'sensor_msgs',
    'std_msgs',
    'std_srvs',
    'unique_identifier_msgs',
)
INTERNALS = ROOT / 'xparo_bridge' / 'ros' / 'rclpy_internals.py'

Names = dict[str, set[str]]


def used() -> Names:
    """Names by the module that they are imported from; private ones of rclpy by ''."""
    found: Names = {}
    for folder in USED:
        for path in sorted((ROOT / folder).rglob('*.py')):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    if node.module.partition('.')[0] in (*PYTHON, *INTERFACES):
                        names = {alias.name for alias in node.names}
                        found.setdefault(node.module, set()).update(names)
    found[''] = private_names()
    return found


def private_names() -> set[str]:
    """Private attributes of rclpy's objects."""
    return {
        node.attr
        for node in ast.walk(ast.parse(INTERNALS.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith('_')
        and not node.attr.startswith('__')
    }


def module_file(folders: list[Path], module: str) -> Path | None:
    """The source of a module, wherever it is in the folders."""
    part = module.replace('.', '/')
    for folder in folders:
        # Of checkouts, rclpy/rclpy/node.py; of installed packages, rclpy/node.py.
        for place in (folder, *(path.parent for path in folder.glob('*/package.xml'))):
            for path in (place / f'{part}.py', place / part / '__init__.py'):
                if path.exists():
                    return path
    return None


def defined(path: Path) -> set[str]:
    """The names that a module has."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def missing(folders: list[Path]) -> Iterator[str]:
    """What the sources lack; 'NOT CHECKED' before what no folder has."""
    for module, names in sorted(used().items()):
        package = module.partition('.')[0]
        if not module:
            yield from missing_private(folders, names)
        elif package in INTERFACES:
            yield from missing_interfaces(folders, module, names)
        elif module_file(folders, package) is None:
            yield f'NOT CHECKED: {module}'
        elif (path := module_file(folders, module)) is None:
            yield f'{module} is missing'
        else:
            has = defined(path)
            for name in sorted(names - has):
                if module_file(folders, f'{module}.{name}') is None:
                    yield f'{module} has no {name}'


def missing_private(folders: list[Path], names: set[str]) -> Iterator[str]:
    """Private attributes that rclpy's sources no longer name."""
    path = module_file(folders, 'rclpy.client')
    if path is None:
        yield 'NOT CHECKED: private names of rclpy'
        return
    sources = '\n'.join(each.read_text() for each in path.parent.rglob('*.py'))
    for name in sorted(names):
        if not re.search(rf'\bself\.{name}\b', sources):
            yield f'rclpy has no attribute {name}'


def missing_interfaces(folders: list[Path], module: str, names: set[str]) -> Iterator[str]:
    """Interfaces that a package's definitions lack."""
    package, _, kind = module.partition('.')
    places = [
        place / kind
        for folder in folders
        for place in (folder / package, *folder.glob(f'*/{package}'))
        if (place / kind).is_dir()
    ]
    if not places:
        yield f'NOT CHECKED: {module}'
        return
    has = {path.stem.lower().replace('_', '') for place in places for path in place.iterdir()}
    for name in sorted(names):
        if name.lower() not in {each.lstrip('_') for each in has}:
            yield f'{module} has no {name}'


def main(argv: list[str]) -> int:
    """List what is used, or check folders."""
    if not argv:
        for module, names in sorted(used().items()):
            print(f'{module or "private, of rclpy"}: {", ".join(sorted(names))}')
        return 0
    lines = list(missing([Path(word) for word in argv]))
    print('\n'.join(lines) or 'nothing is missing')
    return int(any(not line.startswith('NOT CHECKED') for line in lines))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
