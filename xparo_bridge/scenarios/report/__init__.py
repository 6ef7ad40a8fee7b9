# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The report of runs, one folder.

`junit.xml` and `report.html` have all runs; each run has a folder with its own `report.html`,
`run.mcap`, `verdict.json` and the logs of its processes.
"""
