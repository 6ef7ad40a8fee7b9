# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Puts the fakes of the peers on the import path, by the names they also run by hand under."""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parent / 'fakes'))
