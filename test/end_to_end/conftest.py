# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of whole systems share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import subprocess

import pytest


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with 4 MiB."""
    place = tmp_path / 'disk'
    place.mkdir()
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f'no file system can be mounted here: {mounted.stderr.decode().strip()}')
    yield place
    subprocess.run(['umount', '-l', str(place)], check=True)
