# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the platform may command: a router, and one file for each kind of command."""
