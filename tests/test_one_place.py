"""To add a sampler, schedule, grid, form of guidance, metric, form of data, source, export format or command is one
edit in one module.

In a copy of the code each gets one: what is written in a module and entered in its table there. Then the commands are
asked, as a user would ask them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest
from conftest import ROOT

EDITS = {
    # module: (table, entry, code that stands before the table)
    "ddpm/diffusion/samplers.py": ("SAMPLERS: ", '"half_ancestral": partial(integrate, eta=0.5, order=1),', ""),
    "ddpm/diffusion/schedule.py:schedule": (
        "ALPHA_BARS: ",
        '"straight": straight,',
        "def straight(T: int) -> Tensor:\n    return 1 - torch.arange(1, T + 1, dtype=torch.float64) / (T + 1)\n",
    ),
    "ddpm/diffusion/schedule.py:grid": (
        "GRIDS: ",
        '"late": lambda schedule, steps: trailing_timesteps(len(schedule), steps) // 1,',
        "",
    ),
    "ddpm/diffusion/forms.py": (
        "FORMS: ",
        '"stronger": stronger,',
        "def stronger(by: float = 2.0) -> Change:\n    return lambda plan: replace(plan, scale=plan.scale * by)\n",
    ),
    "ddpm/evaluation/metrics.py": (
        "METRICS: ",
        '"brightness": Metric("brightness", lambda seen: seen.x.flatten(1).mean(1), "pixels"),',
        "",
    ),
    "ddpm/commands/bake.py": (
        "",
        "",
        '"""Bake a sprite."""\n\n\ndef main() -> int:\n    print("baked")\n    return 0\n',
    ),
    "sprites/endless.py": ("GENERATORS: ", '"again": drawn, ', ""),
    "sprites/prepare/sources.py": ("READERS: ", '".raw": read_image,', ""),
    "sprites/reading/one_file.py": (
        "",
        "",
        "from sprites.reading.form import Contents, Form\nimport numpy as np\n"
        'FORM = Form("one file", "(all.raw)", found=lambda inside: inside.folder / "all.raw" in inside.files,\n'
        "    read=lambda inside, size, resize: Contents(np.arange(3072, dtype=np.uint8).reshape(16, 8, 8, 3), "
        'np.arange(16) % 2, ("odd", "even")))\n',
    ),
    "sprites/export/formats.py": (
        "FORMATS: ",
        '"raw": Format("the bytes of all pixels", raw, (".raw",)), ',
        "def raw(album: Album, name: str, columns: int | None) -> Files:\n"
        '    return Files({name: album.sprites.tobytes()}, "raw pixels")\n',
    ),
    "sprites/reading/forms.py": ("FORMS: ", "one_file.FORM, ", "from sprites.reading import one_file\n"),
}


END = "\x1e"  # between what commands print
# In one process, since importing torch takes longer than such a command.
IN_TURN = f"""
import json, sys
from ddpm.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["ddpm", *words]
    if words[0] == "sweep":  # whose judge need not learn here
        import ddpm.evaluation.classifier
        ddpm.evaluation.classifier.STEPS_MIN = 2
    try:
        code = main()
    except SystemExit as e:  # as --help ends
        code = e.code
    if code:
        sys.exit(code)
    print(end={END!r})
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """A function that runs commands of the copy, one after the other, and gives what each prints."""
    root = tmp_path_factory.mktemp("copy")
    for package in ("ddpm", "sprites"):
        skipped = shutil.ignore_patterns("__pycache__", "*.png")
        shutil.copytree(ROOT / package, root / package, ignore=skipped)
    for place, (table, entry, code) in EDITS.items():
        path = root / place.partition(":")[0]
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        at = next((i for i, line in enumerate(lines) if table and line.startswith(table)), len(lines))
        if table:
            opening = max(lines[at].find(" = {"), lines[at].find(" = (")) + 4
            lines[at] = f"{lines[at][:opening]}{entry}{lines[at][opening:]}"
        lines.insert(at, code)
        path.write_text("\n".join(lines), encoding="utf-8")

    def run(*commands: Sequence[object]) -> list[str]:
        environment = os.environ | {"PYTHONPATH": str(root), "COLUMNS": "200"}
        words = json.dumps([list(map(str, command)) for command in commands])
        line = [sys.executable, "-c", IN_TURN, words]
        result = subprocess.run(line, cwd=root, capture_output=True, text=True, env=environment, timeout=240)
        assert result.returncode == 0, result.stderr
        return result.stdout.split(END)[:-1]

    run.root = root
    return run


def test_help_names_what_was_added(ask):
    names = ("sample", "train", "export", "prepare")
    sampling, training, export, prepare, commands, baked = ask(*((n, "--help") for n in names), ("--help",), ("bake",))
    assert "half_ancestral" in sampling and "late" in sampling and "stronger" in sampling
    assert "straight" in training and "again" in training
    assert "raw: the bytes of all pixels (.raw)" in export
    assert ".raw" in prepare
    assert "Bake a sprite." in commands and baked == "baked\n"


def test_what_was_added_works(ask):
    """A training on the new form of data with the new schedule; sampling and a sweep with all that is new."""
    (ask.root / "data").mkdir()
    (ask.root / "data" / "all.raw").touch()
    (ask.root / "c.toml").write_text("[diffusion]\nschedule = 'straight'\n")
    small = ("--model.widths", 8, "--model.attention", "--optim.batch", 4, "--log.evaluate", 0, "--log.count", 1)
    new = ("--sampler", "half_ancestral", "--grid", "late", "--form", "stronger=1.5", "--steps", 2)
    trained, sampled, exported, swept = ask(
        ("train", "c.toml", "--data", "data", "--out", "run", "--steps", 2, *small),
        ("sample", "run", "--count", 1, *new),
        ("sample", "run", "--count", 1, "--guidance", 1, "--export", "all.raw", "--overwrite"),
        ("sweep", "run", "--data", "data", "--guidance", 1, "--per-category", 6, *new),
    )
    assert "16 sprites 8x8 RGB in 2 categories (odd, even)" in trained
    assert "stronger=1.5, half_ancestral, 2 steps" in sampled
    assert "raw pixels" in exported and (ask.root / "all.raw").stat().st_size == 2 * 8 * 8 * 3
    assert "brightness" in swept
