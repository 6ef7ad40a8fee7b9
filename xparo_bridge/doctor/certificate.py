# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read the dates of a certificate that is not trusted."""

from __future__ import annotations


def validity(encoded: bytes | None) -> str:
    """Words for from when to when a certificate holds, of its DER encoding."""
    if not encoded:
        return ''
    try:
        from cryptography import x509

        certificate = x509.load_der_x509_certificate(encoded)
    except (ImportError, ValueError):
        return ''
    try:
        since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except AttributeError:  # Releases before 42, of Ubuntu 24.04.
        since, until = certificate.not_valid_before, certificate.not_valid_after
    return f' (it holds from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC)'
