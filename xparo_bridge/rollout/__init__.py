# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot does with the configuration of a fleet: take its layers, check, apply, go back."""
