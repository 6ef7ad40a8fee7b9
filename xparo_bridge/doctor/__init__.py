# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `doctor`: checks a robot from outside in, beside a running bridge or without."""
