# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find the files installed beside the code: config/, launch/."""

from pathlib import Path


def share(*parts: str) -> Path:
    """Path below the package's share folder; in a source checkout, below the checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / 'package.xml').exists():
        from ament_index_python.packages import get_package_share_directory

        root = Path(get_package_share_directory('xparo_bridge'))
    return root.joinpath(*parts)
