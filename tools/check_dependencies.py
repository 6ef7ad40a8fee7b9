#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check that package.xml names what the code and the tests import, and nothing else.

    tools/check_dependencies.py                 dependencies against imports, and keys as below
    tools/check_dependencies.py --resolve FOLDER

With a checkout of ros/rosdistro it resolves each key for Ubuntu 24.04 and ROS 2 Jazzy by the
checkout's files, and writes what it found to tools/rosdep-noble.json; without, keys are looked up
there. The exit code is 1 if something is wrong.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
import datetime
import json
from pathlib import Path
import sys
from typing import Any
import xml.etree.ElementTree as ElementTree

ROOT = Path(__file__).resolve().parents[1]
RESOLVED = ROOT / 'tools' / 'rosdep-noble.json'
# Where a module and its rosdep key have different names.
KEYS = {
    'PIL': 'python3-pil',
    'aiohttp': 'python3-aiohttp',
    'catkin_pkg': 'python3-catkin-pkg-modules',
    'cryptography': 'python3-cryptography',
    'defusedxml': 'python3-defusedxml',
    'hypothesis': 'python3-hypothesis',
    'jsonschema': 'python3-jsonschema',
    'numpy': 'python3-numpy',
    'psutil': 'python3-psutil',
    'pytest': 'python3-pytest',
    'ruamel': 'python3-ruamel.yaml',
    'websockets': 'python3-websockets',
    'yaml': 'python3-yaml',
}
# Imported where it is there, by code that says what is missing: module, and what it is for.
OPTIONAL = {
    'fastapi': 'extra "console"',
    'mcap': 'extra "scenarios"',
    'nicegui': 'extra "console"',
    'orjson': 'writes JSON faster',
    'py_trees': 'shows trees in its viewers',
    'py_trees_ros': 'shows trees in its viewers',
    'pytest': 'runs scenarios where it is the caller',
    'uvicorn': 'extra "console"',
}
# Imported by tests that are skipped without it.
OPTIONAL_IN_TESTS = {
    'atheris': 'finds input by coverage',
    'build': 'makes a release',
    'furhat_realtime_api': "is the maker of a head's own client",
    'grimp': 'finds import circles',
    'playwright': 'drives the console',
    'py_trees_ros_interfaces': 'comes with py_trees_ros',
    'rosbags': 'reads what mcap wrote',
    'ruff': 'formats what the documents show',
    'test_msgs': 'has a field of each type',
    'type_description_interfaces': 'comes with rclpy',
    'xparo_test_msgs': 'has a wide string; interfaces/, built for the tests only',
}
# Of those the ones that are wherever rclpy is.
EVERYWHERE = {'type_description_interfaces'}
# Needed though nothing imports it: what for.
NOT_IMPORTED = {
    'python3-pytest-timeout': 'an option of pytest',
    'ros2launch': 'starts the launch files',
}


def imported(*folders: str) -> dict[str, str]:
    """Modules of others, by the first part of their names, each with a file that imports it."""
    found: dict[str, str] = {}
    own = _own_modules()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob('*.py')):
            for name in _imports(ast.parse(path.read_text())):
                top = name.partition('.')[0]
                if top not in sys.stdlib_module_names and top not in own:
                    found.setdefault(top, str(path.relative_to(ROOT)))
    return found


def _own_modules() -> set[str]:
    """Names of this tree's packages and of the modules that tests find beside them."""
    tests = {path.stem for path in (ROOT / 'test').rglob('*.py')}
    folders = {path.parent.name for path in (ROOT / 'test').rglob('*.py')}
    return {'xparo_bridge', 'tools', *tests, *folders}


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ''
            name = node.args[0]
            if called in ('import_module', 'importorskip') and isinstance(name, ast.Constant):
                if isinstance(name.value, str) and not name.value.startswith('.'):
                    yield name.value


def _unguarded(modules: set[str]) -> Iterator[tuple[str, str]]:
    """Find files of the tests that cannot even be collected without one of the modules."""
    for path in (ROOT / 'test').rglob('*.py'):
        for node in ast.parse(path.read_text('utf-8')).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for name in _imports(ast.Module([node], [])):
                    if name.partition('.')[0] in modules:
                        yield str(path.relative_to(ROOT)), name


def dependencies(manifest: Path, *kinds: str) -> set[str]:
    """Keys of the dependencies of some kinds."""
    root = ElementTree.parse(manifest).getroot()
    return {element.text or '' for kind in kinds for element in root.iter(kind)}


def mistakes() -> list[str]:
    """Return what package.xml lacks or names in vain, one a line."""
    manifest = ROOT / 'package.xml'
    needed = dependencies(manifest, 'depend', 'exec_depend')
    for_tests = dependencies(manifest, 'test_depend')
    code, tests = imported('xparo_bridge', 'launch'), imported('test')
    found = []
    for module, path in sorted(code.items()):
        if KEYS.get(module, module) not in needed and module not in OPTIONAL:
            found.append(f'exec_depend {KEYS.get(module, module)} is missing: {path}')
    for module, path in sorted(tests.items()):
        key = KEYS.get(module, module)
        if key not in needed | for_tests and module not in {**OPTIONAL, **OPTIONAL_IN_TESTS}:
            found.append(f'test_depend {key} is missing: {path}')
    by_key = {KEYS.get(module, module) for module in code}
    found += [
        f'exec_depend {key}: nothing imports it'
        for key in sorted(needed - by_key - {*NOT_IMPORTED})
    ]
    by_key |= {KEYS.get(module, module) for module in tests}
    found += [
        f'test_depend {key}: nothing imports it'
        for key in sorted(for_tests - by_key - {*NOT_IMPORTED})
    ]
    by_chance = {
        module
        for module in {*OPTIONAL, *OPTIONAL_IN_TESTS} - EVERYWHERE
        if KEYS.get(module, module) not in needed | for_tests
    }
    found += [
        f'{path} imports {module}, which is not everywhere: take it by pytest.importorskip'
        for path, module in sorted(_unguarded(by_chance))
    ]
    for both in sorted(needed & for_tests):
        found.append(f'test_depend {both}: it is an exec_depend already')
    return found


def keys() -> set[str]:
    """Keys in all manifests, without the packages of this tree."""
    found: set[str] = set()
    own = {'xparo_interfaces'}
    for manifest in sorted(ROOT.glob('**/package.xml')):
        if not {'.venv', '.venv-kilted', 'build', 'install'} & {*manifest.parts}:
            kinds = ('depend', 'build_depend', 'exec_depend', 'test_depend')
            found |= dependencies(manifest, *kinds, 'buildtool_depend')
    return found - own


def unresolved() -> list[str]:
    """Return the keys that were not found when the rules of rosdep were last read."""
    there: Mapping[str, Any] = json.loads(RESOLVED.read_text())['packages']
    return [
        f'{key}: not known to resolve on Ubuntu 24.04; tools/check_dependencies.py --resolve'
        for key in sorted(keys() - {*there})
    ]


def resolve(rosdistro: Path) -> dict[str, str]:
    """Return the Debian package of each key that resolves by the files of a checkout."""
    import yaml  # Not needed for the check alone.

    def read(path: str) -> dict[str, Any]:
        return dict(yaml.load((rosdistro / path).read_text(), yaml.CSafeLoader))

    rules = {**read('rosdep/base.yaml'), **read('rosdep/python.yaml')}
    released = {
        package: name
        for name, repository in read('jazzy/distribution.yaml')['repositories'].items()
        if repository.get('release', {}).get('version')
        for package in repository['release'].get('packages', [name])
    }
    found = {}
    for key in sorted(keys()):
        if key in released:
            found[key] = f'ros-jazzy-{key.replace("_", "-")}'
        elif package := _of_noble(rules.get(key, {}).get('ubuntu')):
            found[key] = package
    return found


def _of_noble(rule: Any) -> str:
    if isinstance(rule, dict) and not {'apt', 'pip'} & {*rule}:
        rule = rule.get('noble', rule.get('*'))
    if isinstance(rule, dict):
        rule = rule.get('apt')
        rule = rule.get('packages') if isinstance(rule, dict) else rule
    return ' '.join(rule) if isinstance(rule, list) else rule or ''


def main() -> int:
    """Check, or resolve the keys first."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').strip().splitlines()[0])
    parser.add_argument('--resolve', metavar='FOLDER', type=Path, help='a checkout of rosdistro')
    arguments = parser.parse_args()
    if arguments.resolve:
        found = {
            'read': datetime.date.today().isoformat(),
            'packages': resolve(arguments.resolve),
        }
        RESOLVED.write_text(json.dumps(found, indent=2) + '\n')
    wrong = mistakes() + unresolved()
    print('\n'.join(wrong) or 'package.xml names what is imported, and each key resolves')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
