# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Make the bundle of a robot from its layers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

from ..layers import Layers
from ..share import share
from ..yaml_layers import KeyPath
from .bundle import Bundle
from .folder import Member
from .manifest import BundleError, FileEntry, Manifest, ROBOT_FILE
from .paths import travelling
from .rendering import escaped, render

_PACKAGE = 'package:'


def make_bundle(
    member: Member,
    folder: Path,
    *,
    version: int,
    made_from: str,
    made_at: datetime,
    expires: datetime | None = None,
) -> Bundle:
    """Return the bundle of a robot of a fleet's folder, not signed."""
    layers = member.configuration.layers
    text = render(escaped(member.tree), origin(layers, folder))
    travel = content_of_files(member, folder)
    robot_file = (_header(member, version, made_from) + text).encode()
    content = {**travel, ROBOT_FILE: robot_file}
    manifest = Manifest(
        robot=member.name,
        version=version,
        made_from=made_from,
        made_at=made_at,
        layers=tuple(short(layer.path, folder) for layer in layers.layers),
        files={name: FileEntry.of(part) for name, part in content.items()},
        expires=expires,
        content=content_hash(member, travel),
    )
    return Bundle(manifest, content)


def content_of(member: Member, folder: Path) -> str:
    """Return a hash of what a configuration says, whatever its version and its comments."""
    return content_hash(member, content_of_files(member, folder))


def content_hash(member: Member, travel: Mapping[str, bytes]) -> str:
    """Return the same, with the files that travel at hand."""
    said = {
        'tree': escaped(member.tree),
        'files': {name: hashlib.sha256(part).hexdigest() for name, part in travel.items()},
    }
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def origin(layers: Layers, folder: Path) -> Any:
    """Return what stands behind a value: where it came from."""
    lines = layers.lines

    def comment(path: KeyPath) -> str:
        place = lines.get(path)
        if place is None:
            return ''
        file, line = getattr(place, 'file', place), getattr(place, 'line', 0)
        return f'{short(Path(file), folder)}:{line}'

    return comment


def short(file: Path, folder: Path) -> str:
    """Return the path of a file below a fleet's folder, or its name in the package."""
    for root, prefix in ((folder, ''), (share('config'), _PACKAGE)):
        if file.is_relative_to(root):
            return prefix + file.relative_to(root).as_posix()
    return str(file)


def _header(member: Member, version: int, made_from: str) -> str:
    groups = ', '.join(member.groups) or 'no groups'
    return (
        f'# All of the configuration of {member.name} ({groups}), version {version}, made from '
        f'{made_from}.\n# Change the folder of the fleet, not this file.\n'
    )


def content_of_files(member: Member, folder: Path) -> dict[str, bytes]:
    """Return the files that travel with a configuration, trees for instance, by name."""
    travel: dict[str, bytes] = {}
    for _, path in travelling(member.tree):
        travel |= _content(folder, path)
    return travel


def _content(folder: Path, path: str) -> dict[str, bytes]:
    root = folder / path
    found = sorted(root.rglob('*')) if root.is_dir() else [root]
    content = {}
    for file in found:
        if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
            raise BundleError(f'{file}: leads out of the folder of the fleet')
        if file.is_file() and not file.name.startswith('.'):
            content[file.relative_to(folder).as_posix()] = file.read_bytes()
    return content
