"""The tables of the benchmark, as Markdown and as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ddpm.evaluation.report import markdown_table


@dataclass(frozen=True)
class Table:
    """Results of one section: rows of text and numbers under headings, and lines to read them by."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        table = markdown_table(self.headings, [[cell(value) for value in row] for row in self.rows])
        return f"## {self.title}\n\n{table}" + "".join(f"\n- {note}" for note in self.notes) + "\n"


def cell(value: Any) -> str:
    """A number with three digits at least, thousands apart; None is empty."""
    if isinstance(value, float) and math.isfinite(value):
        digits = 0 if value.is_integer() else 2 - math.floor(math.log10(abs(value)))
        return f"{value:,.{max(0, digits)}f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def write_results(tables: Sequence[Table], about: dict[str, Any], path: Path) -> None:
    """Write the tables as Markdown to `path`, and all figures as JSON beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "# Benchmark\n\n" + "".join(f"- {name}: {value}\n" for name, value in about.items())
    path.with_suffix(".md").write_text("\n".join([head, *(t.markdown() for t in tables)]), encoding="utf-8")
    values = {"about": about, "tables": [asdict(t) for t in tables]}
    path.with_suffix(".json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def machine(device: torch.device) -> dict[str, str]:
    """What the figures were measured on."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return {"torch": torch.__version__, "device": f"{device.type}, {kind}", "threads": str(torch.get_num_threads())}
