# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The embedded default: a local platform and a simulated robot.

Everything runs on a laptop with no account and no hardware. Nothing outside this package imports
it, and it imports nothing of the bridge: it is the peer the bridge is tested against.
"""
