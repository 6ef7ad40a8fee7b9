# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Puts this folder on the import path, so that tests share `fakes`."""
