"""The installation's secret: keys pseudonyms and digests, so that neither is a bare hash."""

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from core.errors import ConfigurationError
from core.settings import Settings

_SHORTEST = 16


class Pseudonyms:
    """Stable names for people and texts that nobody without the secret can compute."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, kind: str, value: str) -> str:
        """64 hexadecimal digits of HMAC-SHA-256 over kind and value."""
        message = kind.encode() + b"\x00" + value.encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, sha256).hexdigest()


def load_pseudonyms(settings: Settings) -> Pseudonyms:
    """From ONSCRIPT_SECRET, else from a private file in the home folder, made on first use."""
    if settings.secret is not None:
        secret = settings.secret.get_secret_value().encode()
        if len(secret) < _SHORTEST:
            raise ConfigurationError(
                "ONSCRIPT_SECRET is too short", mend="use at least 16 random characters"
            )
        return Pseudonyms(secret)
    return Pseudonyms(_file_secret(settings.prepare_home() / "secret.key"))


def _file_secret(path: Path) -> bytes:
    try:
        if not path.exists():
            _place(path, secrets.token_bytes(32))
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"secret.key cannot be read or written: {error.strerror}",
            mend="check ONSCRIPT_HOME or set ONSCRIPT_SECRET",
        ) from error
    if len(secret) < _SHORTEST:
        raise ConfigurationError(
            "the file secret.key in the home folder is damaged",
            mend="restore it from a backup: pseudonyms depend on it",
        )
    return secret


def _place(path: Path, secret: bytes) -> None:
    """Whole or not at all: nobody ever reads half a secret, and the first of two writers wins."""
    handle, scratch = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(scratch, path)
    finally:
        os.unlink(scratch)
