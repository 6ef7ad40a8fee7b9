# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Chat, speech, sound and widgets between the links and the nodes of the robot."""
