# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The links as the robot side sees them: what each is for, whether it is up, who gets reports."""
