"""What an installed package holds and can do, and what set-up says of a torchvision that does not fit."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, SMALL

PARTS = ("ddpm", "sprites", "pyproject.toml", "README.md", "LICENSE")
COMMANDS = """
import runpy, sys
from pathlib import Path

import ddpm
assert Path(ddpm.__file__).is_relative_to(sys.argv[1]), ddpm.__file__
for words in Path("commands.txt").read_text().splitlines():
    sys.argv = ["ddpm", *words.split()]
    try:
        runpy.run_module("ddpm", run_name="__main__", alter_sys=True)
    except SystemExit as left:
        assert not left.code, (words, left.code)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The package, built of a copy of the sources with nothing but what is installed here."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source)
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").write_text("")
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    built = [sys.executable, "-m", "pip", "wheel", "-q", ".", *offline, "-w", str(out)]
    result = subprocess.run(built, cwd=source, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    return next(out.glob("*.whl"))


def test_a_wheel_holds_every_module_the_art_and_the_models_and_nothing_else(wheel):
    files = [path for package in ("ddpm", "sprites") for path in (ROOT / package).rglob("*.py")]
    files += (ROOT / "sprites" / "draw" / "art").glob("*.txt")
    files += (path for path in (ROOT / "ddpm" / "pretrained").rglob("*") if path.is_file())
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {path.relative_to(ROOT).as_posix() for path in files} and len(names) > 80


def test_an_unpacked_wheel_draws_trains_and_samples(wheel, tmp_path):
    package, work = tmp_path / "package", tmp_path / "work"
    zipfile.ZipFile(wheel).extractall(package)
    work.mkdir()
    (work / "c.toml").write_text("# only defaults\n")
    commands = [
        ["--version"],
        ["make_sprites", "--npy", "data", "--count", 8],
        [
            "train",
            "c.toml",
            "--data",
            "data",
            "--out",
            "run",
            "--steps",
            20,
            "--mirror",
            "food",
            "--log.evaluate",
            0,
            *SMALL,
        ],
        ["sample", "--guidance", 2, "--count", 1, "--steps", 2, "--out", "shipped.png"],
        ["sample", "run", "--guidance", 1, 2, "--count", 1, "--steps", 2, "--out", "grid.png", "--npz", "a.npz"],
    ]
    (work / "commands.txt").write_text("".join(" ".join(map(str, words)) + "\n" for words in commands))
    result = subprocess.run(
        [sys.executable, "-c", COMMANDS, package],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"ddpm-sprites {wheel.name.split('-')[1]}, torch {torch.__version__.split('+')[0]}")
    assert "40 sprites" in result.stdout and "done: weights in" in result.stdout
    assert np.load(work / "a.npz")["sprites"].shape == (10, 16, 16, 4)
    assert (work / "grid.png").exists() and (work / "shipped.png").exists()


@pytest.fixture
def set_up(tmp_path):
    """Runs `make setup` where nothing is downloaded, with a torchvision made up of the text given."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ncase "$*" in *pip*) ;; *) exec {sys.executable} "$@" ;; esac\n')
    python.chmod(0o755)

    def run(torchvision: str) -> subprocess.CompletedProcess:
        (tmp_path / "torchvision.py").write_text(torchvision)
        env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of a `make test`
        env["PYTHONPATH"] = str(tmp_path)
        return subprocess.run(["make", "setup"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)

    return run


def test_set_up_tells_in_one_line_of_a_torchvision_that_does_not_fit(set_up, tmp_path):
    broken = set_up("raise RuntimeError('operator torchvision::nms does not exist\\nand more')")
    line, *make = broken.stderr.splitlines()
    assert broken.returncode != 0 and not (tmp_path / ".venv" / "installed").exists()
    assert line.startswith("torch ") and "torchvision::nms does not exist); remove .venv" in line
    assert all(text.startswith("make") for text in make)
    assert set_up("").returncode == 0 and (tmp_path / ".venv" / "installed").exists()
