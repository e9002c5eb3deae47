"""Libraries in force, built from the database and swapped when it changes.

A turn keeps the snapshot it began with; the next one sees the new library. Building happens beside
the old one, so nobody waits for it who does not need it.
"""

import threading
from collections.abc import Callable, Mapping

from core.database import Database
from core.errors import NotFound
from core.telemetry import logger
from core.text import primary_language
from encoder.types import Encoder
from script_store.library import Library, build_library, sentences, usable
from script_store.matching import Calibration
from script_store.repository import ScriptRepository, content_sha256
from script_store.types import Campaign, Kind, ScriptVersion
from services.inbox import no_campaign

_COMMON = {"zh": "global.zh-CN", "en": "global.en"}
_log = logger("shelf")


class DatabaseShelf:
    """One snapshot per campaign, checked against the database's generation at every look."""

    def __init__(
        self,
        database: Database,
        encoder: Encoder,
        calibrations: Mapping[str, Calibration],
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self._database = database
        self._encoder = encoder
        self._calibrations = calibrations
        self._progress = progress or (lambda _campaign, _missing: None)
        self._snapshots: dict[str, tuple[int, Library]] = {}
        self._building = threading.Lock()

    @property
    def encoder(self) -> Encoder:
        return self._encoder

    def library(self, campaign: str) -> Library:
        """The snapshot in force. Raises NotFound for an unknown campaign."""
        with self._database.read() as session:
            generation = ScriptRepository(session).generation(campaign)
        if generation is None:
            raise no_campaign(campaign)
        held = self._snapshots.get(campaign)
        if held is not None and held[0] == generation:
            return held[1]
        with self._building:
            held = self._snapshots.get(campaign)
            if held is None or held[0] != generation:
                self._snapshots[campaign] = self._build(campaign)
            return self._snapshots[campaign][1]

    def common(self, language: str) -> Library | None:
        """The language's starter scripts, where they have been brought into force."""
        try:
            return self.library(_COMMON[primary_language(language)])
        except NotFound:
            return None

    def warm(self) -> list[Campaign]:
        """Build every campaign's library; returns the campaigns."""
        with self._database.read() as session:
            found = [campaign for campaign, _ in ScriptRepository(session).campaigns()]
        for campaign in found:
            self.library(campaign.key)
        return found

    def _build(self, key: str) -> tuple[int, Library]:
        identity = self._encoder.identity
        with self._database.read() as session:
            repository = ScriptRepository(session)
            generation = repository.generation(key) or 0
            campaign = repository.campaign(key)
            versions = [v for v in repository.in_force(key) if _genuine(v)]
            texts = _texts(campaign, versions)
            vectors = repository.stored_vectors(identity, texts)
        missing = [text for text in texts if text not in vectors]
        if missing:
            self._progress(key, len(missing))
            fresh = dict(zip(missing, self._encoder.encode(missing), strict=True))
            with self._database.begin() as session:
                ScriptRepository(session).store_vectors(identity, fresh)
            vectors |= fresh
        calibration = self._calibrations[primary_language(campaign.language)]
        library = build_library(
            campaign, versions, self._encoder, calibration, f"{key}/{generation}", vectors
        )
        for script, reason in library.unusable.items():
            _log.warning("script_unusable", campaign=key, script=script, reason=reason)
        _log.info("library_built", campaign=key, generation=generation, scripts=len(library))
        return generation, library


def _texts(campaign: Campaign, versions: list[ScriptVersion]) -> list[str]:
    rendered, _ = usable(campaign, versions)
    found = [s.text for kind in Kind for s in sentences(rendered, kind)]
    return list(dict.fromkeys(found))


def _genuine(version: ScriptVersion) -> bool:
    """Whether the words are still those that were approved; edited rows are never served."""
    if content_sha256(version.content) == version.sha256:
        return True
    _log.error("script_altered", campaign=version.campaign, script=version.key, id=version.id)
    return False
