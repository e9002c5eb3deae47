"""The life of a script version as pure transitions: what may follow what, and who may do it."""

import unicodedata
from enum import StrEnum

from core.errors import Conflict, InvalidInput, NotAllowed
from script_store.types import State


class Step(StrEnum):
    """What a person does to a version."""

    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    ENFORCE = "enforce"
    RETIRE = "retire"


_ALLOWED: dict[tuple[State, Step], State] = {
    (State.DRAFT, Step.SUBMIT): State.IN_REVIEW,
    (State.IN_REVIEW, Step.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Step.REJECT): State.DRAFT,
    (State.APPROVED, Step.ENFORCE): State.IN_FORCE,
    (State.APPROVED, Step.RETIRE): State.RETIRED,
    (State.IN_FORCE, Step.RETIRE): State.RETIRED,
}


def advance(state: State, step: Step) -> State:
    """The state after ``step``. Raises Conflict when the step does not follow."""
    try:
        return _ALLOWED[state, step]
    except KeyError:
        raise Conflict(f"a version that is {state.value} cannot {step.value}") from None


def check_four_eyes(author: str, approver: str) -> None:
    """Raise NotAllowed when one person would approve their own words."""
    left, right = _person(author), _person(approver)
    if not left or not right:
        raise InvalidInput("an author and an approver must be named")
    if left == right:
        raise NotAllowed(
            "the approver of a script is never its author",
            mend="let another person approve it",
        )


def _person(name: str) -> str:
    """A name without what only looks different: width, case, invisible characters, spacing."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(c for c in folded if unicodedata.category(c) not in {"Cf", "Cc"})
    return " ".join(visible.split())
