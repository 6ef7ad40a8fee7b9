# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Hostile input for the whole bridge, while a robot drives: `make hostile`."""
