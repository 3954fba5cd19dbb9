"""prepare.py as a user calls it: from a messy folder to a set that can be trained on, and never over other files."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, command_module
from PIL import Image

from ddpm.commands.shared.parsing import command_line, project_file
from ddpm.config import DataConfig
from ddpm.data.loading import load_data
from sprites.loading import load_sprites
from sprites.prepare.tiles import Grid


@pytest.fixture
def prepare(monkeypatch, capsys):
    """Runs the command in this process: exit code, what it prints, what it complains of."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scripts/prepare.py", *map(str, words)])
        code = command_module("prepare").main()
        said = capsys.readouterr()
        return code, said.out, "".join(line for line in said.err.splitlines(True) if "reading" not in line)

    return call


@pytest.fixture
def art(tmp_path):
    """Sheets, single files, enlarged ones and litter."""
    sheets = {}
    for name in ("hero", "food"):
        sheets[name] = np.asarray(Image.open(ROOT / "sprites" / f"{name}.png").convert("RGBA"))
    folder = tmp_path / "art"
    (folder / "hero").mkdir(parents=True)
    for index, sprite in enumerate(Grid(16, 16).cut(sheets["hero"])[:20]):
        picture = Image.fromarray(sprite)
        (picture if index % 2 else picture.resize((64, 64), Image.Resampling.NEAREST)).save(
            folder / "hero" / f"{index}.PNG"
        )
    Image.fromarray(np.ascontiguousarray(sheets["food"][:48, :64])).save(folder / "food.png")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "hero" / "sketch.psd").write_bytes(b"x")
    return folder


def state(folder) -> dict:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_messy_folder_becomes_a_set_and_stays_as_it_was(tmp_path, art, prepare):
    before = state(art)
    code, told, complaints = prepare(art, "--out", tmp_path / "set")
    assert (code, complaints) == (0, "") and state(art) == before
    sprites = load_sprites(tmp_path / "set")
    assert sprites.categories == ("food", "hero") and np.bincount(sprites.labels).tolist() == [12, 20]
    names = {"food.png", "hero.png", "prepared.json", "report.png", "sprites.toml"}
    assert {path.name for path in (tmp_path / "set").iterdir()} == names and set(os.listdir(tmp_path)) == {"art", "set"}
    for words in ("food 12, hero 20", "4 times", "16x16, and were cut: food.png", "sketch.psd: export to PNG"):
        assert words in told
    last = told.splitlines()[-1]
    assert re.fullmatch(
        rf"next: \S+ \S+train(\.py)? configs/finetune.toml --data {tmp_path / 'set'} --out runs/mine", last
    )


def test_few_sprites_are_warned_of(tmp_path, art, prepare):
    code, _, complaints = prepare(art / "food.png", "--out", tmp_path / "set")
    assert code == 0 and "12 sprites are few: 20 or more are needed" in complaints


@pytest.mark.parametrize("place", [".", "elsewhere", "scripts"])
def test_the_next_command_is_found_from_where_the_user_stands(tmp_path, monkeypatch, place):
    for name in ("scripts/train.py", "configs/finetune.toml", "elsewhere/x", "my venv/python"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path / place)
    monkeypatch.setattr(sys, "argv", [os.path.relpath(tmp_path / "scripts" / "prepare.py")])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my venv" / "python"))
    words = shlex.split(f"{command_line('train')} {project_file('configs/finetune.toml')}")
    expected = [tmp_path / name for name in ("my venv/python", "scripts/train.py", "configs/finetune.toml")]
    assert [Path(word).resolve() for word in words] == expected
    if place == ".":
        assert words == ["my venv/python", "scripts/train.py", "configs/finetune.toml"]


def test_a_dry_run_reports_and_writes_nothing(tmp_path, art, prepare):
    code, told, _ = prepare(art, "--dry-run", "--out", tmp_path / "set")
    assert code == 0 and "food 12, hero 20" in told and "next:" not in told
    assert os.listdir(tmp_path) == ["art"]


def test_only_an_earlier_result_as_it_was_made_is_replaced(tmp_path, art, prepare):
    out = tmp_path / "set"
    assert prepare(art, "--out", out)[0] == 0
    code, _, said = prepare(art, "--out", out)
    assert code == 2 and "holds an earlier result; --overwrite replaces it" in said
    assert prepare(art, "--out", out, "--overwrite", "--category", "one")[0] == 0
    assert load_sprites(out).categories == ("one",) and not (out / "food.png").exists()
    (out / "notes.txt").write_text("mine")
    code, _, said = prepare(art, "--out", out, "--overwrite")
    assert code == 2 and "holds notes.txt, not made by this command" in said
    (out / "notes.txt").unlink()
    Image.new("RGBA", (16, 16), "red").save(out / "one.png")
    before = state(out)
    code, _, said = prepare(art, "--out", out, "--overwrite")
    assert code == 2 and "holds one.png, changed since it was made" in said and state(out) == before


def test_a_result_never_goes_into_a_source_nor_over_other_files(tmp_path, art, prepare):
    (tmp_path / "link").symlink_to(art)
    before = state(tmp_path)
    for out in (art, art / "deeper", tmp_path, art / "food.png", tmp_path / "link", art / ".."):
        code, told, said = prepare(art, "--out", out)
        assert code == 2 and said.count("\n") == 1 and not told, (out, said)
    assert state(tmp_path) == before
    assert prepare(art / "food.png", "--out", art / "set")[0] == 0  # beside a file is fine


def test_after_a_failure_the_earlier_result_stands_and_nothing_else(tmp_path, art, prepare, monkeypatch):
    out = tmp_path / "set"
    assert prepare(art, "--out", out)[0] == 0
    before = state(tmp_path)
    monkeypatch.setattr(command_module("prepare"), "picture", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    code, _, said = prepare(art, "--out", out, "--overwrite", "--category", "x")
    assert code == 2 and "disk full" in said and state(tmp_path) == before
    monkeypatch.undo()
    real, refused = os.replace, []

    def refuse(source, target):
        """The first time that something is to take the place of the result."""
        if os.fspath(target) == os.fspath(out) and not refused:
            refused.append(source)
            raise OSError("no room")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    code, _, said = prepare(art, "--out", out, "--overwrite", "--category", "x")
    assert code == 2 and "no room" in said and refused and state(tmp_path) == before


def test_names_that_command_the_terminal_are_not_obeyed(tmp_path, art, prepare):
    os.rename(art / "hero" / "sketch.psd", art / "hero" / "\x1b[2J\nx.psd")
    code, told, _ = prepare(art, "--dry-run")
    assert code == 0 and "\x1b" not in told and "\\x1b[2J" in told


def test_what_training_cannot_read_names_the_command_that_mends_it_and_that_does(tmp_path, art, prepare):
    (art / "food.png").rename(art / "hero" / "sheet.png")
    for data in (art, art / "hero", art / "hero" / "sheet.png"):
        with pytest.raises(ValueError, match=r"scripts/prepare\.py") as error:
            load_data(data, DataConfig())
        words = str(error.value).partition("scripts/prepare.py ")[2].split()
        assert words[0] == str(data) and prepare(*words)[0] == 0
        assert load_data(words[2], DataConfig()).sprites.size == 16
        shutil.rmtree(words[2])
