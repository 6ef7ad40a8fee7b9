# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Where does a bridge get its configuration from: from files in layers, or a fleet's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import socket

from ..configuration import Configuration, ConfigurationError, load
from ..yaml_layers import Problem
from .folder import FLEET, FleetFolder


def read_configuration(files: Sequence[Path], robot_id: str = '') -> Configuration:
    """
    Read the configuration of the files given in layers, or of the one folder of a fleet.

    :raises ConfigurationError: with all problems.
    """
    folders = [path for path in files if path.is_dir()]
    if not folders:
        return load(files, robot_id=robot_id)
    if len(files) > 1:
        words = f'the folder of a fleet stands alone: its {FLEET} names what lies below'
        raise ConfigurationError([Problem(str(folders[0]), '', words)])
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
