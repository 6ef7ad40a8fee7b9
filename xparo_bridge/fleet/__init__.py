# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What one does at a desk with the configuration of many robots; a running bridge loads none."""
