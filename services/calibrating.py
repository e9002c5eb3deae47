"""Fit the shipped match calibration: the demo campaigns in memory, their development pairs."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from core.clock import new_id
from encoder.types import Encoder
from script_store.calibration import fit_language, load_pairs
from script_store.library import Library, build_library
from script_store.matching import FEATURES, Calibration
from script_store.repository import content_sha256
from script_store.types import ScriptVersion, State
from services.campaign_file import CampaignFile, parse_campaign, to_campaign, to_content

DEMO = {"zh": "anxin-medical", "en": "brightline-broadband"}
_UNFITTED = Calibration(dict.fromkeys(FEATURES, 0.0), 0.0, 0.5)


def demo_file(name: str) -> CampaignFile:
    """A demo campaign that ships with the package."""
    path = Path(str(files("services"))) / "demo" / f"{name}.json"
    return parse_campaign(path.read_bytes())


def texts_only(parsed: CampaignFile) -> CampaignFile:
    """The campaign of somebody who wrote no questions and no paraphrases."""
    scripts = tuple(
        entry.model_copy(update={"questions": (), "paraphrases": ()}) for entry in parsed.scripts
    )
    return parsed.model_copy(update={"scripts": scripts})


def library_of(
    parsed: CampaignFile,
    encoder: Encoder,
    calibration: Calibration | None = None,
) -> Library:
    """A campaign file as a library that was never in a database; for fitting and measuring."""
    campaign = to_campaign(parsed)
    versions = [
        ScriptVersion(
            id=new_id(),
            campaign=campaign.key,
            key=entry.key,
            number=1,
            content=to_content(entry),
            state=State.IN_FORCE,
            sha256=content_sha256(to_content(entry)),
            author="file",
        )
        for entry in parsed.scripts
    ]
    fitted = calibration or _UNFITTED
    return build_library(campaign, versions, encoder, fitted, "file")


def calibrate_shipped(
    encoder: Encoder,
    output: Path,
    tolerance: float,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Fit both languages and write the calibration with its figures; returns it."""
    languages = {}
    for language, name in DEMO.items():
        progress(f"{name}: encoding and fitting")
        library = library_of(demo_file(name), encoder)
        bare = library_of(texts_only(demo_file(name)), encoder)
        pairs = load_pairs(language)
        calibration, figures = fit_language(library, encoder, pairs, tolerance, bare)
        languages[language] = {
            "weights": dict(calibration.weights),
            "bias": calibration.bias,
            "threshold": calibration.threshold,
            "question_margin": calibration.question_margin,
            "repeat_weights": dict(calibration.repeat_weights),
            "repeat_bias": calibration.repeat_bias,
            "figures": figures,
        }
    card = {
        "what": "logistic calibration of script matching, per language",
        "encoder": str(encoder.identity),
        "tolerance": tolerance,
        "languages": languages,
        "command": "onscript scripts calibrate",
    }
    output.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return card
