# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A head with a face that a link carries: gestures, gaze, users seen."""
