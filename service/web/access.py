"""Who asks: API keys, and the digest under which a request is counted."""

from __future__ import annotations

import hashlib
import hmac
import re

from service.errors import SettingsRefused
from service.web.problems import Unauthorised

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_SCHEME = "bearer "


class ApiKeys:
    """The keys that may use the service, known by their SHA-256 only; none: everybody may."""

    def __init__(self, digests: str) -> None:
        """Read comma-separated hexadecimal digests; raises ``SettingsRefused`` for anything else."""
        given = [digest.strip() for digest in digests.split(",") if digest.strip()]
        if not all(_DIGEST.fullmatch(digest) for digest in given):
            raise SettingsRefused("every API key digest must be a SHA-256 of 64 hexadecimal digits")
        self._digests = tuple(bytes.fromhex(digest) for digest in given)

    def identify(self, authorization: str | None, remote_address: str | None) -> bytes:
        """Return the SHA-256 under which a request is counted: of its key, or of where it came from.

        Raises ``Unauthorised`` where keys are set and the request has none of them.
        """
        if not self._digests:
            return hashlib.sha256(b"address " + (remote_address or "").encode()).digest()
        digest = _key_digest(authorization)
        # All are compared, whichever fits, so that time tells nothing.
        fits = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(fits):
            raise Unauthorised
        return digest


def _key_digest(authorization: str | None) -> bytes:
    given = authorization or ""
    if not given.lower().startswith(_SCHEME):
        raise Unauthorised
    return hashlib.sha256(given[len(_SCHEME) :].strip().encode("latin-1", "replace")).digest()
