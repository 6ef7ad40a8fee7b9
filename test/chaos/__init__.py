# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What is broken while the house runs, one file for each way to break it.

A scenario is a module with `TIMES`, how often its long form breaks something, and
`run(times, seed)`, which returns a line to print or raises AssertionError. `make chaos` runs all;
the suite runs the short form of each.
"""
