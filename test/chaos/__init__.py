# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios that break things while work goes on, one a file, each with `main(argv)`."""
