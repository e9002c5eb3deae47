"""Small files, small functions: the ratchet of the house style."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("core", "encoder", "intent", "llm", "compliance", "script_store", "services")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_TURN = 400, 60, 250


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sizes(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    limit = LONGEST_TURN if path == ROOT / "services" / "turn.py" else LONGEST_FILE
    assert len(source.splitlines()) <= limit
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_own_modules_are_imported_at_the_top(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    if relative.startswith("services/cli/") or relative == "services/wiring.py":
        return  # a command loads only what it runs; wiring decides what is loaded
    allowed = {
        "encoder/minilm.py": {"encoder.export", "encoder.network"},  # torch, for the one-off export
        "encoder/shipped.py": {"encoder.configured"},  # torch, for a configured encoder
    }.get(relative, set())
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                if module.split(".")[0] in PACKAGES:
                    assert module in allowed, f"{function.name} imports {module}"
