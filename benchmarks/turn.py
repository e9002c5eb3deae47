"""The whole turn: how long a scripted one takes, and what the customer gets on an LLM one.

    python -m benchmarks.turn                      scripted turns over HTTP, on SQLite
    python -m benchmarks.turn --url postgresql://… the same on PostgreSQL
    python -m benchmarks.turn --drafts             held-out questions through the configured LLM

The floor printed beside the scripted turn is the encoder's forward pass on the same message.
"""

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles

import httpx
import uvicorn

from core.clock import SystemClock, new_id
from core.settings import Settings
from script_store.calibration import load_pairs
from services.access import create_key
from services.api.app import create_app
from services.calibrating import DEMO
from services.campaigns import CampaignLoader
from services.demonstration import load_demo
from services.schema import upgrade
from services.types import TurnRequest
from services.wiring import Runtime, build_compliance, build_database, build_runtime

TURNS, WARM = 300, 20
GREETINGS = {"en": "hi there, anyone around?", "zh": "你好，请问有人在吗"}


def prepare(url: str | None, llm: str) -> Runtime:
    """A fresh home with both demo campaigns in force."""
    os.environ["ONSCRIPT_HOME"] = tempfile.mkdtemp(prefix="onscript-bench-")
    os.environ["ONSCRIPT_LLM_ENGINE"] = llm
    if url:
        os.environ["ONSCRIPT_DATABASE_URL"] = url
    settings = Settings()
    database = build_database(settings)
    upgrade(database)
    load_demo(CampaignLoader(database, build_compliance(settings), SystemClock()))
    database.close()
    return build_runtime(settings)


def spread(milliseconds: Sequence[float]) -> str:
    """p50 and p99."""
    return f"{median(milliseconds):8.2f} {quantiles(milliseconds, n=100)[98]:8.2f}"


def scripted(runtime: Runtime) -> None:
    """Greetings over HTTP: each its own conversation, committed before it is answered."""
    key = create_key(runtime.database, SystemClock(), "benchmark")
    server = uvicorn.Server(
        uvicorn.Config(create_app(runtime), port=0, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(f"database: {runtime.database.name}; {TURNS} turns, one after another")
    print(f"{'milliseconds':32} {'p50':>8} {'p99':>8}")
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}
    ) as client:
        for language, text in GREETINGS.items():
            _scripted(client, runtime, language, text)
    server.should_exit = True
    thread.join()


def _scripted(client: httpx.Client, runtime: Runtime, language: str, text: str) -> None:
    whole, forward, inside = [], [], []
    for number in range(TURNS + WARM):
        words = f"{text} {number}"  # a new text each time, so that no cache answers
        started = time.perf_counter()
        runtime.shelf.encoder.encode([f"{words} "])
        encoded = time.perf_counter()
        answer = client.post(
            "/v1/turns",
            json={
                "campaign": DEMO[language],
                "conversation": new_id(),
                "message_id": "1",
                "text": words,
            },
        )
        done = time.perf_counter()
        answer.raise_for_status()
        if number >= WARM:
            forward.append((encoded - started) * 1000)
            whole.append((done - encoded) * 1000)
            trace = client.get(f"/v1/turns/{answer.json()['id']}").json()
            inside.append(trace["milliseconds"])
    overhead = [w - f for w, f in zip(whole, forward, strict=True)]
    print(f"{language} encoder's forward pass (floor)  {spread(forward)}")
    print(f"{language} turn without its commit         {spread(inside)}")
    print(f"{language} whole turn over HTTP            {spread(whole)}")
    print(f"{language} whole turn less the floor       {spread(overhead)}")


def drafted(runtime: Runtime) -> None:
    """Held-out customer messages through the real LLM: is the script the customer gets right?"""
    print(f"LLM: {runtime.parts.llm}")
    print(f"{'':4} {'answerable':>28}   {'not answerable':>20}")
    for language, campaign in DEMO.items():
        outcome: Counter[str] = Counter()
        waited = []
        for pair in load_pairs(language):
            if pair.split != "test" or pair.opposes is not None:
                continue
            request = TurnRequest(campaign, new_id(), pair.customer, "1")
            trace = runtime.turn(request).trace
            waited.append(float(trace["milliseconds"]))
            reply = trace["reply"]
            side = "yes" if pair.key else "no"
            if reply["source"] == "match":
                outcome[f"{side} right" if reply["key"] == pair.key else f"{side} wrong"] += 1
            elif trace["route"]["route"] == "llm":
                outcome[f"{side} fallback: {reply['reason']}"] += 1
            else:
                outcome[f"{side} other route: {trace['route']['route']}"] += 1
        print(f"{language}: {sum(outcome.values())} turns, ms p50 p99 {spread(waited)}")
        for name, count in sorted(outcome.items()):
            print(f"      {name:44} {count}")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="database URL; default: SQLite in a new folder")
    parser.add_argument("--drafts", action="store_true", help="through the configured LLM")
    arguments = parser.parse_args()
    llm = os.environ.get("ONSCRIPT_LLM_ENGINE", "local") if arguments.drafts else "off"
    runtime = prepare(arguments.url, llm)
    (drafted if arguments.drafts else scripted)(runtime)
    runtime.close()


if __name__ == "__main__":
    main()
