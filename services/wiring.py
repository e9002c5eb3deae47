"""The composition root: the only place that decides which real parts stand behind the ports.

Nothing is loaded at import. ``build_runtime`` loads everything a turn needs; the smaller builders
serve commands that need less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import ConfigurationError, LibraryChanged
from core.secret import load_pseudonyms
from core.settings import Settings
from core.telemetry import logger
from encoder.types import Encoder
from llm.types import Draft, DraftFailed, Engine, FailureReason, ModelIdentity, Prompt
from services.inbox import DatabaseInbox
from services.ports import Compliance, Drafting, Triage
from services.schema import is_current
from services.shelf import DatabaseShelf
from services.turn import TurnParts, take_turn
from services.types import Answer, TurnRequest

if TYPE_CHECKING:
    from compliance.engine import ComplianceEngine
    from compliance.paraphrase.types import Paraphrase

Progress = Callable[[str], None]


def silent(_step: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Runtime:
    """Everything that runs, built once and shared by all threads."""

    settings: Settings
    clock: Clock
    database: Database
    compliance: Compliance
    shelf: DatabaseShelf
    parts: TurnParts

    def turn(self, request: TurnRequest) -> Answer:
        """Answer one message; once more when the scripts changed while it was being answered."""
        try:
            return take_turn(request, self.parts)
        except LibraryChanged:
            return take_turn(request, self.parts)

    def close(self) -> None:
        """Give back connections and end what the language model still does."""
        self.parts.drafting.close()
        self.database.close()


# A small model picks badly among many statements (its card says how badly); a large one does not.
HOUSE_FACTS, FACTS = 2, 6
OFF = ModelIdentity("off", "", "", "off")


class NoLlm:
    """Stands where no engine is configured: every draft fails, every customer gets a fallback."""

    def draft(self, prompt: Prompt, deadline_seconds: float) -> Draft | DraftFailed:
        """Always unavailable."""
        return DraftFailed(FailureReason.UNAVAILABLE, "no engine is configured", OFF)

    def close(self) -> None:
        """Nothing is held."""


def build_database(settings: Settings) -> Database:
    """Connect; the home folder is made for SQLite."""
    if settings.database_url is None:
        settings.prepare_home()
    return Database(settings.url)


def build_encoder(settings: Settings) -> Encoder:
    """The encoder in force with its cache; the first start writes its ONNX graph (seconds)."""
    from encoder.cached import CachedEncoder
    from encoder.shipped import load_encoder

    return CachedEncoder(
        load_encoder(
            settings.prepare_home(), settings.threads, settings.encoder, settings.encoder_device
        )
    )


def fitted_place(settings: Settings, name: str) -> Path | None:
    """What was fitted for a configured encoder; None where the packages' own parts fit."""
    from encoder.shipped import fitted_folder

    folder = fitted_folder(settings.home, settings.encoder)
    return folder and folder / name


def build_compliance(settings: Settings, encoder: Encoder | None = None) -> "ComplianceEngine":
    """The engine over the shipped rule packs or those of ONSCRIPT_PACKS.

    With an encoder it also reads by meaning. A configured encoder for which no paraphrase model was
    trained goes without one; the shipped encoder's model must be there.
    """
    from compliance.engine import ComplianceEngine
    from compliance.library import load_packs

    packs = load_packs(settings.packs)
    return ComplianceEngine(packs, None if encoder is None else _paraphrase(settings, encoder))


def _paraphrase(settings: Settings, encoder: Encoder) -> "Paraphrase | None":
    from compliance.paraphrase.model import ParaphraseModel, ParaphraseReader

    folder = fitted_place(settings, "paraphrase")
    if folder is not None and not folder.exists():
        logger("wiring").warning(
            "no_paraphrase_model", encoder=str(encoder.identity), mend="onscript compliance train"
        )
        return None
    return ParaphraseReader(encoder, ParaphraseModel.load(encoder.identity, folder))


def build_triage(settings: Settings, encoder: Encoder) -> Triage:
    """The intent model of the encoder in force."""
    from intent.classifier import Classifier, IntentModel

    return Classifier(encoder, IntentModel.load(encoder, fitted_place(settings, "intent")))


def build_shelf(
    settings: Settings, database: Database, encoder: Encoder, progress: Progress = silent
) -> DatabaseShelf:
    """Libraries over the database with the calibration of the encoder in force."""
    from script_store.calibration import load_calibrations

    return DatabaseShelf(
        database,
        encoder,
        load_calibrations(encoder.identity, fitted_place(settings, "calibration.json")),
        lambda campaign, missing: progress(f"{campaign}: encoding {missing} sentences"),
    )


def build_drafting(settings: Settings, clock: Clock) -> tuple[Drafting, str]:
    """The configured engine behind its bounds, and its identity for the record."""
    from llm.drafting import Drafter
    from llm.types import GenerationParameters

    if settings.llm_engine == "off":
        return NoLlm(), "off"
    parameters = GenerationParameters(
        temperature=settings.llm_temperature,
        top_k=settings.llm_top_k,
        top_p=settings.llm_top_p,
        do_sample=settings.llm_sample,
        max_new_tokens=settings.llm_max_new_tokens,
    )
    engine = _engine(settings)
    drafter = Drafter(engine, parameters, clock, workers=settings.llm_workers)
    return drafter, str(engine.identity)


def _engine(settings: Settings) -> Engine:
    if settings.llm_engine == "remote":
        from llm.engines.remote import Endpoint, RemoteEngine

        if not settings.llm_base_url:
            raise ConfigurationError(
                "the remote engine needs an endpoint",
                mend="set ONSCRIPT_LLM_BASE_URL, for example http://127.0.0.1:8000/v1",
            )
        key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
        endpoint = Endpoint(
            settings.llm_base_url, settings.llm_model, key, extensions=settings.llm_extensions
        )
        return RemoteEngine(endpoint)
    from llm.engines.local import LocalEngine, load_model

    return LocalEngine(load_model(settings.llm_model, settings.llm_dtype))


def build_runtime(
    settings: Settings,
    *,
    clock: Clock | None = None,
    drafting: tuple[Drafting, str] | None = None,
    progress: Progress = silent,
) -> Runtime:
    """Load every part of a turn. Raises ConfigurationError or Unavailable with the mend."""
    clock = clock or SystemClock()
    database = build_database(settings)
    require_schema(database)
    progress("loading the encoder (its first start writes an ONNX graph)")
    encoder = build_encoder(settings)
    progress("loading the compliance packs")
    compliance = build_compliance(settings, encoder)
    progress("loading the intent model")
    triage = build_triage(settings, encoder)
    progress("loading the language model")
    drafts, llm = drafting or build_drafting(settings, clock)
    progress("indexing the script library")
    shelf = build_shelf(settings, database, encoder, progress)
    for campaign in shelf.warm():
        compliance.screen_in("", jurisdiction=campaign.jurisdiction)  # compiles its rules now
        compliance.screen_out("", jurisdiction=campaign.jurisdiction, domain=campaign.domain)
    house = settings.llm_engine == "local" and settings.llm_model == "house"
    inbox = DatabaseInbox(database, load_pseudonyms(settings), clock, settings.turn_seconds)
    parts = TurnParts(
        inbox=inbox,
        compliance=compliance,
        triage=triage,
        drafting=drafts,
        shelf=shelf,
        clock=clock,
        draft_seconds=min(settings.draft_seconds, settings.turn_seconds),
        llm=llm,
        facts=HOUSE_FACTS if house else FACTS,
        repeats=house,
    )
    return Runtime(settings, clock, database, compliance, shelf, parts)


def require_schema(database: Database) -> None:
    """Raise ConfigurationError unless the database has this code's tables."""
    if not is_current(database):
        raise ConfigurationError(
            "the database does not have this version's tables", mend="run: onscript db upgrade"
        )
