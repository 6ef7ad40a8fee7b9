# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of commands, one a file; entry points of the group `xparo_bridge.commands`."""
