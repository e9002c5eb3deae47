"""The HTTP service as an integrator meets it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from compliance.engine import ComplianceEngine
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from services.access import create_key, revoke_key
from services.api.app import create_app
from services.wiring import Runtime
from tests.services.parts import build_parts

BODY = {"campaign": "shop", "conversation": "c1", "message_id": "m1", "text": "how much is it?"}


@pytest.fixture
def client(shop: Database, engine: ComplianceEngine, tmp_path: Path) -> Iterator[TestClient]:
    parts = build_parts(shop, engine)
    runtime = Runtime(Settings(home=tmp_path), SystemClock(), shop, engine, parts.shelf, parts)  # type: ignore[arg-type]  # the shelf of the parts is the database's
    key = create_key(shop, SystemClock(), "tests")
    with TestClient(
        create_app(runtime),
        headers={"Authorization": f"Bearer {key}"},
        raise_server_exceptions=False,
    ) as found:
        yield found


def test_a_turn_and_its_trace(client: TestClient) -> None:
    answer = client.post("/v1/turns", json=BODY)
    assert answer.status_code == 200
    body = answer.json()
    assert body["reply"]["key"] == "price.box"
    assert body["route"] == "llm"
    trace = client.get(f"/v1/turns/{body['id']}").json()
    assert trace["reply"]["text"] == body["reply"]["text"]
    assert trace["match"]["candidates"][0]["key"] == "price.box"


def test_repeating_a_message_repeats_the_answer(client: TestClient) -> None:
    first, again = (client.post("/v1/turns", json=BODY).json() for _ in range(2))
    assert again == first | {"replayed": True}


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer nope", "Basic abc", "Bearer \u00e9"]
)
def test_without_a_valid_key_nothing_is_told(client: TestClient, header: str | None) -> None:
    del client.headers["Authorization"]
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = client.post("/v1/turns", json=BODY, headers=headers)  # type: ignore[arg-type]  # bytes are fine
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "unauthenticated"


def test_a_revoked_key_stops_at_once(client: TestClient, shop: Database) -> None:
    revoke_key(shop, SystemClock(), "tests")
    assert client.post("/v1/turns", json=BODY).status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"text": ""}, 422, "invalid_input"),
        ({"text": "\u200b"}, 422, "invalid_input"),
        ({"text": "a" * 30_000}, 413, "too_large"),
        ({"text": None}, 422, "invalid_input"),
        ({"campaign": "nope"}, 404, "not_found"),
        ({"conversation": ""}, 422, "invalid_input"),
        ({"extra": 1}, 422, "invalid_input"),
        ({"message_id": 5}, 422, "invalid_input"),
    ],
)
def test_bad_input_is_told_in_one_shape(
    client: TestClient, change: dict[str, object], status: int, code: str
) -> None:
    answer = client.post("/v1/turns", json=BODY | change)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "mend"}


def test_an_error_never_repeats_what_the_customer_wrote(client: TestClient) -> None:
    answer = client.post("/v1/turns", json=BODY | {"text": {"secret": "hunter2"}})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe\x00", b"[]", b"null", json.dumps(BODY | {"text": "\ud800 x"}).encode()],
)
def test_what_is_not_a_request_is_refused(client: TestClient, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/turns", content=raw, headers=headers)
    assert answer.status_code in {200, 422}
    assert answer.status_code == 422 or b"ud800" in raw


def test_a_megabyte_is_refused_before_it_is_parsed(client: TestClient) -> None:
    answer = client.post("/v1/turns", content=b"{" + b" " * 1_000_000)
    assert answer.status_code == 413


def test_a_message_id_with_another_text(client: TestClient) -> None:
    client.post("/v1/turns", json=BODY)
    answer = client.post("/v1/turns", json=BODY | {"text": "something else"})
    assert answer.status_code == 409


def test_unknown_decision_and_address(client: TestClient) -> None:
    for path in ("/v1/turns/nope", "/v1/nope"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
    assert client.delete("/v1/turns").status_code == 405


def test_waiting_and_release(client: TestClient) -> None:
    client.post("/v1/turns", json=BODY | {"text": "zzz qqq"})
    assert client.get("/v1/conversations/waiting").status_code == 200
    assert client.post("/v1/conversations/c1/release").status_code == 409
    assert client.post("/v1/conversations/nope/release").status_code == 404


def test_health_and_readiness_need_no_key(client: TestClient) -> None:
    del client.headers["Authorization"]
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json()["detail"] == "2 campaigns in force"


def test_openapi_describes_every_field_and_error(client: TestClient) -> None:
    spec = client.get("/openapi.json").json()
    turn = spec["paths"]["/v1/turns"]["post"]
    assert {"200", "401", "404", "409", "413", "422", "503"} <= set(turn["responses"])
    for name, field in spec["components"]["schemas"]["TurnIn"]["properties"].items():
        assert field.get("description"), name
    assert "Problem" in json.dumps(turn["responses"]["422"])
