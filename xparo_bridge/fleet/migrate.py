# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
`config migrate`: bring older files to the form of today, comments kept.

It knows of settings that have moved (`topic`, `stamped` and `frame` of teleop and stop are now
those of `base`), and of a fleet whose robots lie beside fleet.yaml instead of in robots/. Nothing
is written without --write.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import difflib
import io
from pathlib import Path
from typing import Any

from ..configuration import ConfigurationError
from ..robot.commands.base_settings import MOVED
from ..rollout.folder import FLEET, GROUPS, ROBOTS
from ..share import share
from ..utf8 import NotUtf8, read_text
from ..yaml_layers import Layer
from .subject import UsageError

_WIDTH = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('what', nargs='+', metavar='FOLDER|FILE', help='folders of fleets, files')
    parser.add_argument('--write', action='store_true', help='change the files; else show how')


def run(options: argparse.Namespace) -> int:
    """Show or make the changes; an exit code."""
    changes = 0
    for argument in options.what:
        path = Path(argument).expanduser()
        if not path.exists():
            raise UsageError(f'{path}: no such file or folder')
        for file, place, notes in _files(path):
            before = _text(file)
            after, more = migrated(before, file)
            if after == before and place == file and not more:
                continue
            changes += after != before or place != file
            for note in (*notes, *more):
                print(f'{file}: {note}')
            print(
                ''.join(
                    difflib.unified_diff(
                        before.splitlines(True), after.splitlines(True), str(file), str(place)
                    )
                ),
                end='',
            )
            if options.write:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(after, encoding='utf-8')
                if place != file:
                    file.unlink()
    if not changes:
        print('all is in the form of today')
    elif not options.write:
        print('nothing was changed; --write does it')
    return 0


def _text(file: Path) -> str:
    try:
        return read_text(file)
    except (OSError, NotUtf8) as error:
        raise UsageError(f'{file}: {error}') from error


def _files(path: Path) -> Iterator[tuple[Path, Path, list[str]]]:
    """Yield each file, where it belongs, and why it belongs elsewhere."""
    if path.is_file():
        yield path, path, []
        return
    flat = (path / FLEET).is_file() and not (path / ROBOTS).exists()
    for file in sorted(path.glob('*.yaml')):
        if flat and file.name != FLEET:
            yield file, path / ROBOTS / file.name, [f'files of robots are in {ROBOTS}/']
        else:
            yield file, file, []
    for folder in (GROUPS, ROBOTS):
        for file in sorted((path / folder).glob('*.yaml')):
            yield file, file, []


def migrated(text: str, file: Path) -> tuple[str, list[str]]:
    """
    Return the text of a file in the form of today, and what is left to its author.

    :raises ConfigurationError: if it is no YAML.
    """
    layer = Layer(file)
    if layer.problems:
        raise ConfigurationError(layer.problems)
    yaml = _yaml()
    tree = yaml.load(text)
    if tree is None:
        return text, []
    notes = list(_move_to_base(tree))
    if not notes:
        return text, []
    written = io.StringIO()
    yaml.dump(tree, written)
    return written.getvalue(), [note for note in notes if note]


def _move_to_base(tree: Any) -> Iterator[str]:
    """Move settings of commands to `base`; yields '' for each, or what was left and why."""
    commands = tree.get('commands')
    if not isinstance(commands, dict):
        return
    known = Layer(share('config', 'commands.yaml')).tree['commands']
    for name, each in commands.items():
        if not isinstance(each, dict):
            continue
        entry: Any = each
        kind = entry.get('kind', known.get(name, {}).get('kind'))
        for old, new in MOVED.get(kind, {}).items():
            if old not in entry:
                continue
            value = entry[old]
            if old == 'stamped':
                value = 'TwistStamped' if value else 'Twist'
            base: Any = tree.get('base')
            if not hasattr(base, 'ca'):
                base = type(tree)()
                # Where the commands are, so that it is seen.
                tree.insert(list(tree).index('commands'), 'base', base)
            if base.get(new, value) != value:
                yield (
                    f'commands.{name}.{old} differs from base.{new}, {base[new]}; it still works, '
                    'for this command alone'
                )
                continue
            base[new] = value
            comment = entry.ca.items.pop(old, None)
            if comment is not None and new not in base.ca.items:
                base.ca.items[new] = comment
            del entry[old]
            yield ''


def _yaml() -> Any:
    """Make a reader and writer that keeps comments, quotes and order."""
    try:
        from ruamel.yaml import YAML
    except ImportError:
        raise UsageError(
            'this needs ruamel.yaml, which keeps comments: apt install python3-ruamel.yaml'
        ) from None
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    return yaml
