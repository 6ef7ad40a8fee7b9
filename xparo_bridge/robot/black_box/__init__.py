# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The black box as a part of a running bridge: what it hears, and what freezes it."""
