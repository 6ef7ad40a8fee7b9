# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Know which paths of a configuration travel with it, and which are of the robot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..layers import Complain
from ..yaml_layers import KeyPath

# Below the folder of the configuration, unless absolute.
_TRAVEL = ('ca_file', 'client_certificate', 'folder')
# Secrets, and what the bridge writes.
_STAY = ('credentials_file', 'client_key', 'state_dir')
# Sections whose folder is one of the robot.
_ROBOTS_OWN = (('files',), ('bags',))


def travelling(tree: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield each path of a tree that is relative to its folder, with the key."""
    for at, key, path in _paths(tree):
        if key in _TRAVEL and at not in _ROBOTS_OWN:
            yield (*at, key), path


def in_folder(tree: dict[str, Any], folder: Path, complain: Complain) -> dict[str, Any]:
    """Return a tree whose paths that travel are below a folder; refuse relative ones of others."""
    changed: dict[KeyPath, str] = {}
    for at, key, path in _paths(tree):
        if key == 'credentials_file' and '/' not in path:
            # One of systemd's credentials, which it looks for by this name.
            if (folder / path).exists():
                complain((*at, key), 'secrets do not travel; expected a path on the robot')
        elif key in _STAY or at in _ROBOTS_OWN:
            complain((*at, key), 'expected a path on the robot, that begins with / or ~')
        elif '..' in Path(path).parts or not (folder / path).exists():
            complain((*at, key), f'nothing of this name below {folder}')
        else:
            changed[(*at, key)] = str((folder / path).absolute())
    result = dict(tree)
    for (section, *rest), value in changed.items():
        result[str(section)] = _replaced(result[str(section)], rest, value)
    return result


def _paths(tree: dict[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where a relative path stands, its key, and the path."""
    sections: list[tuple[KeyPath, Any]] = [((), tree)]
    links = tree.get('links')
    if isinstance(links, list):
        sections += [(('links', index), link) for index, link in enumerate(links)]
    sections += [((key,), tree.get(key)) for key in ('trees', 'files', 'bags')]
    for at, section in sections:
        if isinstance(section, dict):
            for key in (*_TRAVEL, *_STAY):
                path = section.get(key)
                if isinstance(path, str) and path and not path.startswith(('/', '~')):
                    yield at, key, path


def _replaced(tree: Any, path: list[str | int], value: str) -> Any:
    """Return a copy of a tree with another value at a path; the rest is shared."""
    copy: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    step, *rest = path
    copy[step] = _replaced(copy[step], rest, value) if rest else value
    return copy
