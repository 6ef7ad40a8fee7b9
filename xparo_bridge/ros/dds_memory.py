# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Keep DDS from setting aside memory that most topics never need, and from keeping it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path

# Where Fast DDS looks for profiles: up to version 2, and from version 3 on.
_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# The last rclpy, Jazzy's, whose middleware is Fast DDS 2.
_LAST_OF_FAST_DDS_2 = 7
# Files of the current folder that it takes as well.
_LOCAL = ('DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml')
# Has rmw_fastrtps take the memory policy from profiles, and how a writer sends: at once, as by
# default, which a user may want otherwise by the second.
_ALL_FROM_PROFILES = 'RMW_FASTRTPS_USE_QOS_FROM_XML'
_PUBLICATION_MODE = 'RMW_FASTRTPS_PUBLICATION_MODE'


def _understood() -> tuple[str, ...]:
    """The variables that the installed Fast DDS reads; version 3 complains of the older one."""
    try:
        major = int(version('rclpy').partition('.')[0])
    except (PackageNotFoundError, ValueError):
        return _VARIABLES
    return _VARIABLES[:1] if major <= _LAST_OF_FAST_DDS_2 else _VARIABLES[1:]


@contextmanager
def small_pools(profiles: Path) -> Iterator[None]:
    """
    Have Fast DDS read these profiles if its first participant is made within the block.

    Fast DDS reads profiles once a process. Those of the user win: then this does nothing. The
    environment is as before after the block, so that no other program started inherits them.
    """
    if (
        any(os.environ.get(name) for name in (*_VARIABLES, _ALL_FROM_PROFILES))
        or any(Path(name).exists() for name in _LOCAL)
        or not profiles.is_file()
    ):
        yield
        return
    before = {name: os.environ.get(name) for name in (*_VARIABLES, _ALL_FROM_PROFILES)}
    os.environ.update(dict.fromkeys(_understood(), str(profiles)))
    if not os.environ.get(_PUBLICATION_MODE):
        os.environ[_ALL_FROM_PROFILES] = '1'
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
