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
from folders import NAMES, draw, write_categories, write_shard
from PIL import Image

from ddpm.commands.files.prepare import config_for
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


@pytest.mark.parametrize("name", ["report", "Report", "uncond"])
def test_names_that_are_taken_are_told_in_a_dry_run_too(tmp_path, art, prepare, name):
    (art / "hero").rename(art / name)
    for words in (("--dry-run",), ("--out", tmp_path / "set")):
        code, told, said = prepare(art, *words)
        assert code == 2 and not told and said.count("\n") == 1 and f"{art / name / '0.PNG'}: a category " in said
    assert os.listdir(tmp_path) == ["art"]
    if name == "uncond":
        (art / "food.png").unlink()
        with pytest.raises(ValueError, match="cannot be named 'uncond', the word for no category") as error:
            load_data(write_categories(tmp_path / "data", draw(), names=("a", name, "b")), DataConfig())
        assert str(error.value).partition(": ")[2] in said
    code, _, said = prepare(art, "--arrays", "--dry-run")
    assert code == (2 if name == "uncond" else 0) and ("cannot be named" in said) == bool(code)


def test_few_sprites_are_warned_of(tmp_path, art, prepare):
    code, _, complaints = prepare(art / "food.png", "--out", tmp_path / "set")
    assert code == 0 and "12 sprites are few: 20 or more are needed" in complaints


def test_many_sprites_and_large_ones_are_trained_on_from_nothing():
    few, many = ([config_for(size, count) for size in (16, 24, 32)] for count in (1000, 1001))
    assert few == [f"configs/{name}.toml" for name in ("finetune", "finetune", "sprites32")]
    assert many == [f"configs/{name}.toml" for name in ("sprites16", "finetune", "sprites32")]
    assert all((ROOT / config).exists() for config in few + many)


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


@pytest.fixture
def shards(tmp_path):
    """Two Parquet files of 30 opaque sprites each, of three categories."""
    for shard in range(2):
        write_shard(tmp_path / "shards" / f"{shard}.parquet", draw(30, 16, 3, seed=shard), np.arange(30) % 3, NAMES)
    return tmp_path / "shards"


def test_shards_become_a_pair_that_is_trained_on_and_prepared_again(tmp_path, shards, prepare):
    out = tmp_path / "set"
    code, told, complaints = prepare(shards, "--arrays", "--out", out)
    assert (code, complaints) == (0, "") and "sprites       60: food 20, hero 20, spell 20" in told
    assert told.splitlines()[-1].endswith(f"train.py configs/finetune.toml --data {out} --out runs/mine")
    sprites = load_data(out, DataConfig()).sprites
    assert (sprites.images == np.concatenate([draw(30, 16, 3, seed=shard) for shard in range(2)])).all()
    assert (sprites.labels == np.arange(60) % 3).all() and sprites.categories == NAMES
    names = {"images.npy", "labels.npy", "categories.json", "prepared.json", "report.png"}
    assert {path.name for path in out.iterdir()} == names and set(os.listdir(tmp_path)) == {"shards", "set"}
    assert Image.open(out / "report.png").height > 3 * 48
    assert prepare(out, "--arrays", "--out", tmp_path / "again")[0] == 0
    assert (out / "images.npy").read_bytes() == (tmp_path / "again" / "images.npy").read_bytes()
    code, _, said = prepare(shards, "--arrays", "--out", out)
    assert code == 2 and "--overwrite replaces it" in said
    assert prepare(shards, "--arrays", "--category", "one", "--out", out, "--overwrite")[0] == 0
    assert load_sprites(out).categories == ("one",)
    code, told, _ = prepare(shards, "--arrays", "--dry-run", "--out", tmp_path / "none")
    assert code == 0 and "60: food 20" in told and not (tmp_path / "none").exists()


def test_nothing_is_left_of_a_pair_that_is_not_whole(tmp_path, shards, prepare, monkeypatch):
    out = tmp_path / "set"
    assert prepare(shards, "--arrays", "--out", out)[0] == 0
    (shards / "1.parquet").write_bytes((shards / "1.parquet").read_bytes()[:-9])
    before, again = state(tmp_path), ("--arrays", "--out", out, "--overwrite")
    code, _, said = prepare(shards / "0.parquet", shards / "1.parquet", *again)
    assert code == 2 and "1.parquet: cannot be read as a Parquet file" in said and state(tmp_path) == before
    monkeypatch.setattr("sprites.writing.arrays.AT_ONCE", 2**10)
    for error, expected in ((KeyboardInterrupt, 130), (OSError, 2)):
        seen = []

        def add(pair, images, labels, error=error, seen=seen):
            seen.append(len(images))
            if len(seen) == 3:
                raise error("no room")

        with monkeypatch.context() as patch:
            patch.setattr("sprites.writing.npy_pair.PairWriter.add", add)
            assert prepare(shards / "0.parquet", *again)[0] == expected
        assert len(seen) == 3 and state(tmp_path) == before and set(os.listdir(tmp_path)) == {"shards", "set"}
    code, told, _ = prepare(shards, *again)
    assert code == 0 and "sprites       30:" in told and "left out      1.parquet: cannot be read" in told


@pytest.mark.parametrize(
    "flags",
    [("--tile", 16), ("--cycle", 4), ("--by", "tag"), ("--by", "slice"), ("--category", "{category}_{colour}_*")],
)
def test_flags_of_what_a_pair_does_not_hold_are_refused(tmp_path, prepare, flags):
    code, told, said = prepare(tmp_path, "--arrays", "--out", tmp_path / "set", *flags)
    assert code == 2 and not told and said.count("\n") == 1 and f"{flags[0]}" in said and "--arrays" in said
