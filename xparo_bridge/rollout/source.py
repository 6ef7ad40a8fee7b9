# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read the configuration of a bridge, from files in layers or a fleet's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import socket
from typing import TYPE_CHECKING

from ..configuration import (
    checked,
    Configuration,
    ConfigurationError,
    load,
    SchemaOfFiles,
    with_variables,
)
from ..layers import Layers
from ..share import share
from ..yaml_layers import KeyPath, Layer, Problem
from .bundle import is_bundle
from .manifest import ROBOT_FILE

if TYPE_CHECKING:
    from .folder import Member

# Files of the package that a bridge reads where it is given none.
DEFAULT_CONFIG = ['bridge.yaml', 'commands.yaml', 'places.yaml']


def read_configuration(files: Sequence[Path], robot_id: str = '') -> Configuration:
    """
    Read the configuration of the files given in layers, or of the one folder of a fleet.

    :raises ConfigurationError: with all problems.
    """
    folders = [path for path in files if path.is_dir()]
    if not folders:
        return load(files, robot_id=robot_id)
    from .folder import FLEET, FleetFolder  # 0.1 MB, for robots that are given files.

    if len(files) > 1:
        words = f'the folder of a fleet stands alone: its {FLEET} names what lies below'
        raise ConfigurationError([Problem(str(folders[0]), '', words)])
    if is_bundle(folders[0]):
        return of_bundle(folders[0], robot_id).configuration
    fleet = FleetFolder(folders[0])
    if fleet.problems:
        raise ConfigurationError(fleet.problems)
    if robot_id:
        return fleet.member(robot_id).configuration
    try:
        return fleet.member(socket.gethostname()).configuration
    except ConfigurationError as error:
        words = f'{error}; without robot_id:=NAME it is the name of this host'
        raise ConfigurationError(
            [words] if error.rest is None else error.problems, error.rest
        ) from None


def of_bundle(folder: Path, robot_id: str = '', *, on_robot: bool = True) -> Member:
    """
    Read the configuration of the bundle in a folder.

    :raises ConfigurationError: with all problems, also if it is of another robot than `robot_id`.
    """
    from .folder import launch_of, Member
    from .paths import in_folder

    layers = Layers([Layer(folder / ROBOT_FILE)])
    if layers.problems:
        raise ConfigurationError(layers.problems)
    found: list[tuple[KeyPath, str]] = []

    def complain(path: KeyPath, words: str) -> None:
        found.append((path, words))

    tree = with_variables(layers, robot_id, complain)
    launch = launch_of(tree, complain)
    name = tree.get('robot_id', '')
    if robot_id and name != robot_id:
        complain(('robot_id',), f'the configuration is of {name}, this is {robot_id}')
    here = in_folder(tree, folder, complain)
    here.pop('launch', None)
    configuration = checked(here, layers, SchemaOfFiles(on_robot=on_robot), found)
    return Member(name, (), configuration, launch, tree)


def layered(names: Sequence[str], *, alone: bool = False) -> list[str]:
    """
    Return the names of all layers, as bridge.launch.py starts a bridge with the files named.

    Files lie over DEFAULT_CONFIG, unless they are `alone`, name one of these, or are a folder.
    """
    if not names:
        return list(DEFAULT_CONFIG)
    if alone or any(name in DEFAULT_CONFIG or is_folder(name) for name in names):
        return list(names)
    return [*DEFAULT_CONFIG, *names]


def is_folder(name: str | Path) -> bool:
    """Whether a folder has this name; whatever can be no file's name is none."""
    try:
        return Path(name).expanduser().is_dir()
    except (OSError, RuntimeError):  # Too long for a name, or the home of nobody.
        return False


def lies_over(names: Sequence[str], *, alone: bool = False) -> str:
    """Return what is said of the package's layers below the files named; empty without any."""
    if not names or len(layered(names, alone=alone)) == len(names):
        return ''
    return f'checked over {", ".join(DEFAULT_CONFIG)} of the package'


def package_files(names: Sequence[str]) -> list[Path]:
    """
    Return the files of names; one without a folder is one of the package's own files.

    Never one of the current folder, which depends on where somebody stood when they started the
    bridge; that is `./name`.
    """
    files, problems = [], []
    for name in names:
        if '/' in name:
            files.append(Path(name).expanduser())
            continue
        own = share('config', name)
        if own.is_file():
            files.append(own)
            continue
        known = ', '.join(sorted(path.name for path in share('config').glob('*.yaml')))
        here = f'; write ./{name} for the one in this folder' if Path(name).exists() else ''
        problems.append(
            f"{name}: a name without a folder is one of the package's own files ({known}), and "
            f'this is none{here}'
        )
    if problems:
        raise ConfigurationError(problems)
    return files
