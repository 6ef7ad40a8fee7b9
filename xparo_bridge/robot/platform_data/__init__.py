# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the platform keeps on the robot: project texts, files, schedules, tasks, bags."""
