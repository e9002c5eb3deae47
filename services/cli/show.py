"""A turn as a person reads it in a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


def reply_panel(trace: Mapping[str, Any]) -> Panel:
    """The reply, or why there is none."""
    reply = trace["reply"]
    why = f"{trace['route']['route']} · {reply['source']} · {reply['reason']}"
    if reply["text"] is None:
        return Panel(Text(f"(nothing is sent: {reply['reason']})", style="dim"), title=why)
    return Panel(Text(reply["text"]), title=why, title_align="left", border_style="green")


def trace_table(trace: Mapping[str, Any]) -> Group:
    """The stages with their times, then what each decided."""
    stages = Table(show_edge=False, pad_edge=False)
    stages.add_column("stage")
    stages.add_column("ms", justify="right")
    stages.add_column("outcome")
    for stage in trace["stages"]:
        stages.add_row(stage["stage"], f"{stage['milliseconds']:.1f}", Text(str(stage["outcome"])))
    stages.add_row("total", f"{trace['milliseconds']:.1f}", "", style="bold")
    return Group(stages, *(Text(line, style="dim") for line in details(trace)))


def details(trace: Mapping[str, Any]) -> list[str]:
    """Intent, draft, findings and candidates in a line each."""
    intent = trace["intent"]
    lines = [f"intent     {intent['label']} {intent['confidence']:.2f}"]
    draft = trace["draft"]
    if draft and draft["failed"]:
        lines.append(f"draft      failed: {draft['reason']}")
    elif draft:
        lines.append(f"draft      “{draft['text']}” (never sent)")
    for finding in (trace["verdict"] or {}).get("findings", ()):
        lines.append(f"finding    {finding['rule']} [{finding['category']}] {finding['citation']}")
    for candidate in (trace["match"] or {}).get("candidates", ())[:3]:
        veto = f" vetoed: {candidate['veto']}" if candidate.get("veto") else ""
        lines.append(f"candidate  {candidate['key']} p={candidate['probability']:.3f}{veto}")
    if trace["match"]:
        lines.append(f"threshold  {trace['match']['threshold']:.3f}")
    for part in trace["reply"]["parts"]:
        lines.append(f"sent       {part['role']}: {part['key']} ({part['campaign']})")
    return lines


def print_turn(console: Console, trace: Mapping[str, Any], with_trace: bool) -> None:
    """Reply, and on request the trace."""
    console.print(reply_panel(trace))
    if with_trace:
        console.print(trace_table(trace))
