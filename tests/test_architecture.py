"""The rooms of DESIGN and the one-way flow of data between them: an import against it fails here.

sprites < system < config < context < {data, diffusion} < network < runs < sampling < animation
< {training, evaluation} < show < commands. Within a room modules may import one another, without circles.
"""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

from ddpm.__main__ import modules as commands

FLOW = [
    {"sprites"},
    {"system"},
    {"config"},
    {"context"},
    {"data", "diffusion"},
    {"network"},
    {"runs"},
    {"sampling"},
    {"animation"},
    {"training", "evaluation"},
    {"show"},
    {"commands"},
]
RANK = {room: rank for rank, rooms in enumerate(FLOW) for room in rooms}
TOP = {
    *(".ci", ".gitignore", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "configs", "constraints.txt", "ddpm"),
    *("docs", "pyproject.toml", "scripts", "sprites", "tests", "web"),
}
MOST_FOLDERS, MOST_MODULES, MOST_IN_A_FOLDER = 10, 4, 8


def modules(root: Path) -> dict[str, str]:
    """Source by dotted name of all modules of the two packages below `root`, but empty ones."""
    paths = [p for package in ("ddpm", "sprites") for p in (root / package).rglob("*.py")]
    sources = {p.relative_to(root).with_suffix(""): p.read_text(encoding="utf-8") for p in paths}
    return {".".join(path.parts).removesuffix(".__init__"): source for path, source in sources.items() if source}


@cache
def import_statements(source: str) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(source: str, known: dict[str, str]) -> set[str]:
    """Modules that are imported, wherever in the source; of `from a import b`, a.b where that is a module, else a."""
    found = set()
    for node in import_statements(source):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        else:
            assert node.module and not node.level, f"imports are absolute here, got {ast.unparse(node)}"
            full = {f"{node.module}.{a.name}" for a in node.names}
            found |= {name if name in known else node.module for name in full}
    return found


def room(module: str) -> str:
    package, *rest = module.split(".")
    return rest[0] if package == "ddpm" and rest else package


def against_the_flow(sources: dict[str, str]) -> list[str]:
    """Each import that runs from an earlier room to a later one."""
    wrong = []
    for module, source in sources.items():
        own = room(module)
        for name in sorted(imports(source, sources)):
            if name.split(".")[0] in ("scripts", "tests", "conftest"):
                wrong.append(f"{module} imports {name}")
            if name.split(".")[0] not in ("ddpm", "sprites") or own in ("ddpm", "__main__") or room(name) == own:
                continue
            if room(name) == "ddpm" or RANK[room(name)] >= RANK[own]:
                wrong.append(f"{module} imports {name}")
        if own == "sprites" and "torch" in {name.split(".")[0] for name in imports(source, sources)}:
            wrong.append(f"{module} imports torch")
    return wrong


def test_imports_go_one_way():
    sources = modules(ROOT)
    assert against_the_flow(sources) == []


def test_every_module_is_read():
    count = sum(p.stat().st_size > 0 for package in ("ddpm", "sprites") for p in (ROOT / package).rglob("*.py"))
    assert len(modules(ROOT)) == count > 60
    assert {room(m) for m in modules(ROOT)} - {"ddpm", "__main__"} == set(RANK)


@pytest.mark.parametrize(
    "module, planted",
    [
        ("ddpm.diffusion.samplers", "from ddpm.training.trainer import Trainer"),
        ("ddpm.training.trainer", "from ddpm.sampling import generate\nimport ddpm.show"),
        ("ddpm.network.unet", "def f():\n    import ddpm.commands.shared.flags"),
        ("sprites.tags", "import torch.nn"),
        ("sprites.draw.brush", "from ddpm import config"),
        ("ddpm.show.grids", "from conftest import ROOT"),
    ],
)  # fmt: skip
def test_a_planted_import_is_found(module, planted):
    sources = modules(ROOT)
    sources[module] += "\n" + planted
    assert against_the_flow(sources)


def test_a_relative_import_is_refused():
    with pytest.raises(AssertionError, match="absolute"):
        imports("from ..training import trainer", {})


def test_there_are_no_circles():
    sources = modules(ROOT)
    graph = {module: imports(source, sources) & sources.keys() - {module} for module, source in sources.items()}
    list(TopologicalSorter(graph).static_order())
    graph["ddpm.config"] = graph["ddpm.config"] | {"ddpm.sampling"}
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph).static_order())


def test_the_trainer_knows_neither_samplers_nor_metrics():
    sources = modules(ROOT)
    known = imports(sources["ddpm.training.trainer"], sources)
    assert not {m for m in known if room(m) in ("evaluation", "show", "commands", "sampling") or "samplers" in m}


def test_rooms_stay_small():
    folders = [p for p in (ROOT / "ddpm").iterdir() if p.is_dir() and list(p.rglob("*.py"))]
    assert len(folders) <= MOST_FOLDERS
    top = {p.stem for p in (ROOT / "ddpm").glob("*.py")} - {"__init__"}
    assert len(top) <= MOST_MODULES, top
    for folder in [f for p in ("ddpm", "sprites") for f in (ROOT / p).rglob("*/") if f != ROOT / p and f.is_dir()]:
        names = [p.name for p in folder.glob("*.py") if p.name != "__init__.py"]
        assert len(names) <= MOST_IN_A_FOLDER, (folder, names)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only of a clone is it known which files are the project's")
def test_nothing_strays_into_the_top_folder():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name.partition("/")[0] for name in listed.splitlines()} == TOP


def test_every_command_of_the_package_has_a_main():
    named = commands()
    assert {"train", "sample", "export_web", "walks"} <= set(named) and "web_model" not in named
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"bench", "bench_gpu"}
    assert set(named) == scripts


def test_what_is_parsed_imports_no_torch():
    """A mistyped flag is told before torch is loaded, which takes seconds."""
    code = "import sys, ddpm, ddpm.config, ddpm.__main__\n"
    names = ("train", "sample", "animate", "edit", "distill", "publish", "make_sprites", "bench.race", "bench.gpu")
    names += ("files.export", "files.prepare", "files.export_web")
    names += tuple(f"measure.{name}" for name in ("sweep", "compare", "facets", "palettes", "editing", "walks"))
    code += "".join(f"import ddpm.commands.{name}\n" for name in names) + "print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr
