"""Every step from every state, and the two people it takes."""

from itertools import product

import pytest

from core.errors import Conflict, InvalidInput, NotAllowed
from script_store.lifecycle import Step, advance, check_four_eyes
from script_store.types import State

FOLLOWS = {
    (State.DRAFT, Step.SUBMIT): State.IN_REVIEW,
    (State.IN_REVIEW, Step.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Step.REJECT): State.DRAFT,
    (State.APPROVED, Step.ENFORCE): State.IN_FORCE,
    (State.APPROVED, Step.RETIRE): State.RETIRED,
    (State.IN_FORCE, Step.RETIRE): State.RETIRED,
}


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_every_step_from_every_state(state: State, step: Step) -> None:
    if (state, step) in FOLLOWS:
        assert advance(state, step) is FOLLOWS[state, step]
    else:
        with pytest.raises(Conflict, match=step.value):
            advance(state, step)


def test_nothing_comes_into_force_without_an_approval() -> None:
    before = {state for (state, step), after in FOLLOWS.items() if after is State.IN_FORCE}
    assert before == {State.APPROVED}
    assert {step for (_, step), after in FOLLOWS.items() if after is State.APPROVED} == {
        Step.APPROVE
    }


@pytest.mark.parametrize(
    ("author", "approver"),
    [("ann", "ann"), ("ann", "ANN"), (" ann", "ann\t"), ("STRASSE", "straße"), ("安", "安")],
)
def test_nobody_approves_their_own_words(author: str, approver: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        check_four_eyes(author, approver)
    assert caught.value.mend


@pytest.mark.parametrize(("author", "approver"), [("", "bob"), ("ann", ""), (" ", "bob")])
def test_both_people_have_a_name(author: str, approver: str) -> None:
    with pytest.raises(InvalidInput):
        check_four_eyes(author, approver)


def test_two_people_may() -> None:
    check_four_eyes("ann", "bob")
