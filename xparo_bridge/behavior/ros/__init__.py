# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How do trees run on a robot: their leaves, their life, and who is told of them."""
