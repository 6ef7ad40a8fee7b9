# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read what a verb is asked about: robots of a fleet's folder, or files in layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..configuration import Configuration, ConfigurationError, resolved, SchemaOfFiles
from ..errors import BadInput
from ..layers import Layers
from ..rollout.folder import FleetFolder, is_fleet
from ..rollout.source import layered, lies_over, package_files
from ..yaml_layers import Layer


class UsageError(BadInput):
    """The command line names nothing that this can be done with."""


class Subject:
    """
    The robots of one folder, or the one robot of files in layers.

    :raises UsageError: if the arguments are neither one folder nor files.
    """

    def __init__(self, arguments: Sequence[str], *, alone: bool = False) -> None:
        paths = [Path(argument).expanduser() for argument in arguments]
        self.folder: FleetFolder | None = None
        self._files: list[Path] = []
        # What is said of the package's layers below the files.
        self.over = ''
        if len(paths) == 1 and paths[0].is_dir():
            self.folder = FleetFolder(paths[0], on_robot=False)
            self.schema = self.folder.schema
            return
        if any(path.is_dir() for path in paths):
            raise UsageError('expected the folder of one fleet, or files in layers')
        self._files = package_files(layered(arguments, alone=alone))
        self.over = lies_over(arguments, alone=alone)
        self.schema = SchemaOfFiles(on_robot=False)

    @property
    def names(self) -> list[str]:
        """Names of the robots; one that is empty for files."""
        return self.folder.names if self.folder else ['']

    @property
    def problems(self) -> list[str]:
        """What is wrong beyond the robots."""
        if self.folder is None:
            return []
        found = list(self.folder.problems)
        used = {group for name in self.names for group in self._groups(name)}
        for group in self.folder.group_names:
            if group not in used:
                file = self.folder.path / 'groups' / f'{group}.yaml'
                found += Layer(file, self.folder.path).problems
        return found

    def _groups(self, name: str) -> tuple[str, ...]:
        assert self.folder is not None
        try:
            return self.folder.layers(name)[1]
        except ConfigurationError:
            return ()

    def configuration(self, name: str) -> Configuration:
        """
        Return the configuration of a robot.

        :raises ConfigurationError: with all that is wrong, and the rest if there is one.
        """
        if self.folder is not None:
            return self.folder.member(name).configuration
        return resolved(Layers([Layer(file) for file in self._files]), '', self.schema)


def folder_of(argument: str) -> FleetFolder:
    """
    Return a fleet's folder.

    :raises UsageError: if there is none.
    """
    path = Path(argument).expanduser()
    if not is_fleet(path):
        raise UsageError(f'{argument}: not the folder of a fleet, which has a fleet.yaml')
    return FleetFolder(path, on_robot=False)
