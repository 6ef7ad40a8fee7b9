#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Makes the files that pin ROS 2 for each distribution from one list, tools/requirements-ros.in.

    tools/pin_requirements.py [--check] [DISTRIBUTION ...]

The list names ROS packages without a version: pip says which version the distribution has, by its
package `ros-DISTRIBUTION-NAME`. `[jazzy kilted]` behind a name says which distributions have it.
Python packages have their versions in the list. With `--check` nothing is asked or written, and
the exit code is 1 if a file does not have the packages of the list.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
import re
import subprocess
import sys
import tempfile

TOOLS = Path(__file__).resolve().parent
LIST = TOOLS / 'requirements-ros.in'
# The file of a distribution; the first is that of machines which are asked for none.
FILES = {
    'jazzy': TOOLS / 'requirements-ros.txt',
    'kilted': TOOLS / 'requirements-ros-kilted.txt',
}
LINE = re.compile(r'(?P<name>[\w.-]+)(?P<version>==\S+)?(?:\s+\[(?P<only>[\w ]+)\])?')
# Built by nobody's ROS: what puts the wheels' libraries where they find each other.
NOT_ROS = ('ros-wheels-bootstrapper',)


class Unknown(Exception):
    """The list or pip's answer is not what is expected."""


def lines_of(distribution: str, text: str) -> Iterator[tuple[str, str]]:
    """The list's lines for a distribution, each with the name of its package; '' of a comment."""
    for line in text.splitlines():
        if not line or line[0] == '#':
            yield line, ''
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise Unknown(f'{LIST.name}: {line!r} is not a package')
        if match['only'] is None or distribution in match['only'].split():
            yield match['name'] + (match['version'] or ''), match['name']


def is_open(line: str) -> bool:
    """Whether the version of a line's package is the distribution's."""
    return '==' not in line


def versions(distribution: str, names: list[str]) -> dict[str, str]:
    """Which versions of ROS packages a distribution has, and of what they need, as pip says."""
    wanted = [name.replace('ros-', f'ros-{distribution}-', 1) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, 'report.json')
        command = ('install', '--quiet', '--dry-run', '--ignore-installed', '--report', report)
        if subprocess.run([sys.executable, '-m', 'pip', *command, *wanted]).returncode:
            raise Unknown(f'pip does not find all packages of {LIST.name} for {distribution}')
        found = json.loads(report.read_text())['install']
    return {
        re.sub(r'[-_.]+', '-', package['metadata']['name'].lower()): package['metadata']['version']
        for package in found
    }


def pinned(distribution: str, text: str) -> str:
    """The file of a distribution."""
    lines = list(lines_of(distribution, text))
    names = [name for line, name in lines if name and is_open(line)]
    found = versions(distribution, names)
    own = re.compile(rf'ros-(?!{distribution}-)')
    unlisted = {name for name in found.keys() - {*names, *NOT_ROS} if own.match(name)}
    if unlisted:
        raise Unknown(f'{LIST.name} lacks {", ".join(sorted(unlisted))} of {distribution}')
    return ''.join(
        (f'{line}=={found[name]}' if name and is_open(line) else line).replace(
            'DISTRIBUTION', distribution.capitalize()
        )
        + '\n'
        for line, name in lines
    )


def names_of(text: str) -> list[str]:
    """The packages of a file that has versions."""
    return [line.partition('==')[0] for line in text.splitlines() if line and line[0] != '#']


def main(argv: list[str]) -> int:
    """Make or check the files of the distributions named."""
    check = '--check' in argv
    text = LIST.read_text()
    code = 0
    for distribution in [word for word in argv if word != '--check'] or FILES:
        file = FILES[distribution]
        try:
            if not check:
                file.write_text(pinned(distribution, text))
            elif names_of(file.read_text()) != [
                name for _, name in lines_of(distribution, text) if name
            ]:
                print(f'{file.name} does not have the packages of {LIST.name}', file=sys.stderr)
                code = 1
        except Unknown as error:
            print(error, file=sys.stderr)
            code = 1
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
