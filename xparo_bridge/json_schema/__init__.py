# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Check values against JSON Schema, without the memory that jsonschema takes."""

from .compiler import Problem, SchemaError
from .validator import Validator

__all__ = ['Problem', 'SchemaError', 'Validator']
