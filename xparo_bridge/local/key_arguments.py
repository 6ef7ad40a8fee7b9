# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Take the key and the project of the local platform from a command line or the environment."""

from __future__ import annotations

import argparse
import os


def add_key(arguments: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --secret-key and --project-id."""
    arguments.add_argument(
        '--secret-key',
        default=os.environ.get('XPARO_SECRET_KEY', 'demo'),
        metavar='KEY',
        help='secret key of the platform [$XPARO_SECRET_KEY or demo]',
    )
    arguments.add_argument(
        '--project-id',
        default=os.environ.get('XPARO_PROJECT_ID', 'demo'),
        metavar='ID',
        help='project [$XPARO_PROJECT_ID or demo]',
    )
