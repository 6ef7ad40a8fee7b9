# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The guard: a process beside the bridge that tells the base to stand when the bridge cannot.

It publishes what a teleop command drives. Each velocity comes with the time until which it holds;
after that, and when the bridge is gone, it publishes zeros for a while. It knows nothing of the
bridge but the records of `records`.
"""
