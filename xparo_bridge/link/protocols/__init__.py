# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The wire protocols, one pure file each: frames in, messages out, no I/O."""
