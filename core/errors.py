"""The one error tree; each class carries its HTTP status and a stable code.

    OnScriptError                500  internal
    ├── InvalidInput             422  invalid_input          the caller sent something we cannot use
    ├── Unauthenticated          401  unauthenticated        no key, or one we do not know
    ├── NotAllowed               403  not_allowed            known, but may not do this
    ├── NotFound                 404  not_found
    ├── Conflict                 409  conflict               it contradicts what is already recorded
    │   └── Busy                 409  busy                   the same conversation is being answered
    ├── TooLarge                 413  too_large
    ├── Unavailable              503  unavailable            try again: nothing was recorded
    │   ├── StorageFull          503  storage_full
    │   └── LibraryChanged       503  library_changed        scripts changed while answering
    └── ConfigurationError       500  configuration          an operator must mend it
        ├── ArtifactError        500  artifact               a file missing or corrupt
        └── EncoderMismatch      500  encoder_mismatch       vectors of two encoders would meet

A message tells a person what is wrong; ``mend`` tells what to do. Neither ever holds customer text.
"""


class OnScriptError(Exception):
    """Base of every error that OnScript raises on purpose."""

    status: int = 500
    code: str = "internal"
    title: str = "Internal error"

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def to_dict(self) -> dict[str, str]:
        """The form used in JSON lines: code, message and, where there is one, the mend."""
        body = {"code": self.code, "message": self.message}
        return body | {"mend": self.mend} if self.mend else body


class InvalidInput(OnScriptError):
    """The request cannot be understood or used."""

    status, code, title = 422, "invalid_input", "Invalid input"


class Unauthenticated(OnScriptError):
    """No valid credential came with the request."""

    status, code, title = 401, "unauthenticated", "Not authenticated"


class NotAllowed(OnScriptError):
    """The caller is known but may not do this."""

    status, code, title = 403, "not_allowed", "Not allowed"


class NotFound(OnScriptError):
    """What was asked for does not exist."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(OnScriptError):
    """The request contradicts something already recorded."""

    status, code, title = 409, "conflict", "Conflict"


class Busy(Conflict):
    """Another turn of the same conversation is in progress."""

    code, title = "busy", "Conversation busy"


class TooLarge(OnScriptError):
    """The body is larger than the service accepts."""

    status, code, title = 413, "too_large", "Too large"


class Unavailable(OnScriptError):
    """Temporarily impossible; nothing was recorded, so the caller may simply try again."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"


class StorageFull(Unavailable):
    """The database cannot grow any further."""

    code, title = "storage_full", "No space left for the database"


class LibraryChanged(Unavailable):
    """Scripts or catalogue changed while a message was answered; answer it again."""

    code, title = "library_changed", "The library changed meanwhile"


class ConfigurationError(OnScriptError):
    """The installation is set up wrongly; an operator must mend it."""

    code, title = "configuration", "Configuration error"


class ArtifactError(ConfigurationError):
    """A shipped or trained file is missing, truncated or not what its checksum says."""

    code, title = "artifact", "Artifact missing or corrupt"


class EncoderMismatch(ConfigurationError):
    """Vectors made by one encoder would be compared with another's."""

    code, title = "encoder_mismatch", "Encoder mismatch"
