# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Take the files of a robot out of its configuration, to look at the rest on another machine."""

from __future__ import annotations

from typing import Any

from .configuration import Configuration


def without_files(configuration: Configuration) -> Configuration:
    """Return a configuration without the robot's secrets and folders, which others check."""
    links = [
        {
            **link,
            'credentials_file': None,
            'client_certificate': None,
            'client_key': None,
            'ca_file': None,
            'allow_insecure': True,
        }
        for link in configuration['links']
    ]
    data: dict[str, Any] = {
        **configuration.data,
        'links': links,
        'bags': {**configuration['bags'], 'folder': None},
        'files': {**configuration['files'], 'folder': None},
    }
    return Configuration(data, configuration.layers, configuration.broken)
