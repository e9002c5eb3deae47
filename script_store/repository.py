"""The script library in the database; the caller's transaction commits."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.clock import new_id
from core.errors import NotAllowed, NotFound
from core.json import canonical, plain
from encoder.types import EncoderIdentity, Vectors
from script_store.lifecycle import Step, advance, check_four_eyes
from script_store.tables import CampaignRow, ScriptRow, ScriptVersionRow, SentenceVectorRow
from script_store.types import (
    Campaign,
    CatalogueValue,
    ScriptContent,
    ScriptVersion,
    SlotType,
    State,
)

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SOME = 500  # parameters per query; SQLite and PostgreSQL both take that


def content_sha256(content: ScriptContent) -> str:
    """What an approver signs: the hash of everything the author wrote."""
    return sha256(canonical(content)).hexdigest()


def text_sha256(text: str) -> str:
    """Key of a sentence's stored vector."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ScriptRepository:
    """Campaigns, scripts and their versions within one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put_campaign(self, campaign: Campaign, at: datetime, *, approved: bool) -> bool:
        """Create or update a campaign; True when anything changed.

        Raises NotAllowed when prices, routes or rules of an existing campaign would change without
        an approver: customers read them, or are protected by them.
        """
        row = self._session.get(CampaignRow, campaign.key, with_for_update=True)
        if row is not None and row.version == campaign.version:
            return False
        if row is not None and not approved:
            raise NotAllowed(
                f"the configuration of {campaign.key} differs from the one in force",
                mend="two people change a campaign: --author B --approve-as A",
            )
        if row is None:
            row = CampaignRow(key=campaign.key, generation=0)
            self._session.add(row)
        row.name, row.language = campaign.name, campaign.language
        row.jurisdiction, row.domain = campaign.jurisdiction, campaign.domain
        row.config = _config(campaign)
        row.version, row.updated_at = campaign.version, at
        row.generation = (row.generation or 0) + 1
        self._session.flush()
        return True

    def campaign(self, key: str) -> Campaign:
        """Raises NotFound naming how to list what there is."""
        row = self._session.get(CampaignRow, key)
        if row is None:
            raise NotFound(
                f"there is no campaign {key!r}", mend="list them: onscript campaign list"
            )
        return _campaign(row)

    def campaigns(self) -> list[tuple[Campaign, int]]:
        """All campaigns with their generation, by key."""
        rows = self._session.scalars(select(CampaignRow).order_by(CampaignRow.key))
        return [(_campaign(row), row.generation) for row in rows]

    def generation(self, key: str) -> int | None:
        """A number that rises with every change in force; None for an unknown campaign."""
        return self._session.scalar(select(CampaignRow.generation).where(CampaignRow.key == key))

    def touch(self, key: str) -> None:
        """Tell every replica that the library changed."""
        row = self._session.get(CampaignRow, key, with_for_update=True)
        if row is not None:
            row.generation += 1

    def latest(self, campaign: str, key: str) -> ScriptVersion | None:
        """The newest version of a script, whatever its state."""
        row = self._session.scalar(
            self._versions(campaign)
            .where(ScriptRow.key == key)
            .order_by(ScriptVersionRow.number.desc())
            .limit(1)
        )
        return _version(row) if row else None

    def current(self, campaign: str, key: str) -> ScriptVersion | None:
        """The version of a script that is in force."""
        row = self._session.scalar(
            self._versions(campaign).where(
                ScriptRow.key == key, ScriptVersionRow.state == State.IN_FORCE
            )
        )
        return _version(row) if row else None

    def in_force(self, campaign: str) -> list[ScriptVersion]:
        """Every version in force, by key."""
        rows = self._session.scalars(
            self._versions(campaign)
            .where(ScriptVersionRow.state == State.IN_FORCE)
            .order_by(ScriptRow.key)
        )
        return [_version(row) for row in rows]

    def version(self, version_id: str) -> ScriptVersion:
        """One version by id. Raises NotFound."""
        return _version(self._row(version_id))

    def add_version(
        self, campaign: str, key: str, content: ScriptContent, author: str, at: datetime
    ) -> ScriptVersion:
        """A new draft version behind the last one."""
        script = self._session.scalar(
            select(ScriptRow).where(ScriptRow.campaign == campaign, ScriptRow.key == key)
        )
        last = self.latest(campaign, key)
        if script is None:
            script = ScriptRow(id=new_id(), campaign=campaign, key=key)
            self._session.add(script)
        row = ScriptVersionRow(
            id=new_id(),
            script=script,
            number=last.number + 1 if last else 1,
            text=content.text,
            paraphrases=list(content.paraphrases),
            questions=list(content.questions),
            intent=content.intent,
            stage=content.stage,
            risk=content.risk,
            sha256=content_sha256(content),
            state=State.DRAFT.value,
            author=author,
            created_at=at,
        )
        self._session.add(row)
        self._session.flush()
        return _version(row)

    def step(self, version_id: str, step: Step, actor: str, at: datetime) -> ScriptVersion:
        """Move a version along its life. Raises Conflict or NotAllowed.

        Entry into force retires the version of the same script that was in force before.
        """
        row = self._row(version_id)
        target = advance(State(row.state), step)
        if step is Step.APPROVE:
            check_four_eyes(row.author, actor)
            row.approver, row.approved_at = actor, at
        if step is Step.ENFORCE:
            self._retire_current(row.script_id, at)
            row.in_force_from = at
        if step is Step.RETIRE:
            row.retired_at = at
        row.state = target.value
        self._session.flush()
        return _version(row)

    def stored_vectors(self, identity: EncoderIdentity, texts: Iterable[str]) -> dict[str, Vectors]:
        """Vectors by text that this very encoder made before; damaged ones are left out."""
        by_hash = {text_sha256(text): text for text in texts}
        hashes, found = list(by_hash), {}
        for start in range(0, len(hashes), _SOME):
            rows = self._session.scalars(
                select(SentenceVectorRow).where(
                    SentenceVectorRow.encoder == str(identity),
                    SentenceVectorRow.text_sha256.in_(hashes[start : start + _SOME]),
                )
            )
            for row in rows:
                if len(row.vector) != identity.dimension * 4:
                    continue
                vector = np.frombuffer(row.vector, dtype="<f4")
                if np.isfinite(vector).all():
                    found[by_hash[row.text_sha256]] = vector
        return found

    def store_vectors(self, identity: EncoderIdentity, vectors: Mapping[str, Vectors]) -> None:
        """Keep vectors by text under the encoder's identity."""
        if not vectors:
            return
        insert = _INSERTS[self._session.get_bind().dialect.name]
        rows = [
            {
                "encoder": str(identity),
                "text_sha256": text_sha256(text),
                "vector": vector.astype("<f4").tobytes(),
            }
            for text, vector in vectors.items()
        ]
        # another replica may store the same vectors at the same moment, and they are equal;
        # a damaged one is replaced
        statement = insert(SentenceVectorRow)
        statement = statement.on_conflict_do_update(
            index_elements=["encoder", "text_sha256"], set_={"vector": statement.excluded.vector}
        )
        self._session.execute(statement, rows)

    def _retire_current(self, script_id: str, at: datetime) -> None:
        for row in self._session.scalars(
            select(ScriptVersionRow).where(
                ScriptVersionRow.script_id == script_id,
                ScriptVersionRow.state == State.IN_FORCE,
            )
        ):
            row.state, row.retired_at = State.RETIRED.value, at
        self._session.flush()

    def _row(self, version_id: str) -> ScriptVersionRow:
        row = self._session.get(ScriptVersionRow, version_id)
        if row is None:
            raise NotFound("there is no such script version")
        return row

    @staticmethod
    def _versions(campaign: str) -> Any:
        return select(ScriptVersionRow).join(ScriptRow).where(ScriptRow.campaign == campaign)


def _config(campaign: Campaign) -> dict[str, Any]:
    return {
        "seller": campaign.seller,
        "product": campaign.product,
        "catalogue": plain(campaign.catalogue),
        "routes": dict(campaign.routes),
        "threshold": campaign.threshold,
    }


def _campaign(row: CampaignRow) -> Campaign:
    config = row.config
    return Campaign(
        key=row.key,
        name=row.name,
        language=row.language,
        jurisdiction=row.jurisdiction,
        domain=row.domain,
        seller=config["seller"],
        product=config["product"],
        catalogue={
            name: CatalogueValue(
                SlotType(value["type"]),
                value["value"],
                value["currency"],
                value["label"],
                tuple(value["options"]),
            )
            for name, value in config["catalogue"].items()
        },
        routes=config["routes"],
        threshold=config["threshold"],
        version=row.version,
    )


def _version(row: ScriptVersionRow) -> ScriptVersion:
    return ScriptVersion(
        id=row.id,
        campaign=row.script.campaign,
        key=row.script.key,
        number=row.number,
        content=ScriptContent(
            row.text,
            tuple(row.paraphrases),
            tuple(row.questions),
            row.intent,
            row.stage,
            row.risk,
        ),
        state=State(row.state),
        sha256=row.sha256,
        author=row.author,
        approver=row.approver,
        approved_at=row.approved_at,
        in_force_from=row.in_force_from,
    )
