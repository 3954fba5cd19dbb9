"""The flow of data is one way; an import against it fails here."""

import ast

import pytest
from conftest import ROOT

FLOW = [
    {"config", "cli", "command_line", "outputs", "memory"},
    {"distributed"},
    {"precision", "schedule", "attention", "ema", "optim", "context", "tags", "grids", "timing", "running"},
    {"metrics", "memorisation", "pixel_art", "classifier"},
    {"prediction", "data", "unet"},
    {"checkpoint", "guidance"},
    {"footprint"},
    {"trainer", "samplers", "forms"},
    {"generate", "asked", "run_folder"},
    {"evaluate", "flags", "peers", "distill"},
    {"report", "time_to_quality", "tag_judge", "sampled"},
    {"board", "benchmark", "tag_report"},
]
RANK = {name: rank for rank, names in enumerate(FLOW) for name in names}


def imports(path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "ddpm").glob("*.py")), ids=lambda p: p.stem)
def test_ddpm_imports_only_what_comes_before(path):
    if path.stem == "__init__":
        assert not imports(path)
        return
    for name in imports(path) - {"ddpm"}:
        assert name.split(".")[0] not in ("scripts", "tests")
        if name.startswith("ddpm."):
            assert RANK[name.split(".")[1]] < RANK[path.stem], f"{path.stem} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "sprites").rglob("*.py")), ids=lambda p: p.stem)
def test_sprites_know_neither_torch_nor_ddpm(path):
    assert not {n.split(".")[0] for n in imports(path)} & {"torch", "ddpm", "scripts"}


def test_the_trainer_knows_neither_samplers_nor_metrics():
    others = ("samplers", "metrics", "evaluate", "board", "generate")
    assert not imports(ROOT / "ddpm" / "trainer.py") & {f"ddpm.{m}" for m in others}
