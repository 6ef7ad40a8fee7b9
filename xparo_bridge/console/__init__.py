# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The console: a page in the browser on robots of a local platform.

A program of its own beside the platform, whose operator interface it uses (docs/operator-api.md).
No robot loads it; it needs NiceGUI.
"""
