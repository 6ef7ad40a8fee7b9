# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The exit codes of the bridge, by which systemd and launch know how it ended."""

# 78 is EX_CONFIG of sysexits.h, for which systemd has a name.
STOPPED, FAILED, WRONG_USAGE, WRONG_CONFIGURATION = 0, 1, 2, 78
