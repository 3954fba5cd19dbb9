"""export.py, and --export of sample.py, as they are called: what they write, what they tell, what they refuse."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import assert_one_line_error, command_module, untrained
from PIL import Image

from ddpm.config import DiffusionConfig, ModelConfig
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec
from ddpm.system.outputs import write_together
from sprites.colour import from_hexadecimals
from sprites.export.formats import FORMATS
from sprites.palettes import read_palette
from sprites.writing.png import save_pngs

PALETTE = ("000000", "ff0000", "00ff00", "0000ff", "ffffff")


@pytest.fixture
def call(run_here):
    """Run a command, as `run_here`, in a folder that has a walk of 4 frames."""
    colours = from_hexadecimals(PALETTE)
    walk = np.full((4, 8, 8, 4), 255, np.uint8)
    walk[..., :3] = colours[np.random.default_rng(0).integers(0, 5, (4, 8, 8))]
    walk[:, 0] = 0
    save_pngs("walk_left", walk, ["1", "2", "10", "11"])
    run_here.walk = walk
    return run_here


@pytest.fixture
def model(tmp_path):
    """A file of a network of 8x8 RGBA in two categories and five colours."""
    return save_untrained(tmp_path / "tiny.safetensors", PALETTE)


def save_untrained(path, palette):
    tiny, short = ModelConfig(widths=(16,), attention=()), DiffusionConfig(timesteps=10)
    spec = ModelSpec(8, 4, ("square", "bar"), tiny, short, palette=palette)
    save_model(path, untrained(spec), spec, 1)
    return path


def files() -> set[str]:
    return {name for name in os.listdir() if name not in ("walk_left", "tiny.safetensors")}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_and_told(call, name):
    form = FORMATS[name]
    suffix = (form.suffixes or ("-" + name,))[0]
    result = call("export", "walk_left", "--format", name)
    assert result.returncode == 0 and not result.stderr
    wanted = {f"walk_left{end}" for end in (suffix, *form.beside)}
    assert files() == wanted and all(file in result.stdout for file in wanted) and f": {name}, " in result.stdout
    again = call("export", "walk_left", "--format", name)
    assert_one_line_error(again, "would write walk_left", "which is there already: name another with --out")
    assert call("export", "walk_left", "--format", name, "--overwrite").returncode == 0
    assert files() == wanted


def test_flags_change_what_is_written(call):
    how = ("--scale", 3, "--delay", 70, "--palette", 2, "--count", 3)
    assert call("export", "walk_left", "--out", "a.gif", *how).stdout.endswith(", 70 ms each\n")
    with Image.open("a.gif") as image:
        assert image.size == (24, 24) and image.n_frames == 3 and image.info["duration"] == 70
        colours = {tuple(c) for c in np.asarray(image.convert("RGBA")).reshape(-1, 4) if c[3]}
    assert len(colours) == 2
    quick = call("export", "walk_left", "--out", "a.gif", "--delay", 5, "--overwrite")
    with Image.open("a.gif") as image:
        assert image.info["duration"] == 20 and quick.stdout.endswith(", 20 ms each\n")
    assert call("export", "walk_left", "--out", "a.png", "--columns", 3).returncode == 0
    np.testing.assert_array_equal(np.asarray(Image.open("a.png"))[8:, :8], call.walk[3])
    assert Image.open("a.png").size == (24, 16)
    assert call("export", "walk_left/2.png", "--out", "b.hex").returncode == 0
    assert {bytes(c).hex() for c in read_palette("b.hex")} == set(PALETTE)
    assert call("export", "b.hex", "--out", "c.gpl").returncode == 0
    np.testing.assert_array_equal(read_palette("c.gpl"), read_palette("b.hex"))
    assert call("export", "walk_left", "--out", "pngs").returncode == 0
    assert sorted(os.listdir("pngs")) == ["1.png", "10.png", "11.png", "2.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("walk_left", "what shall be written? Name a file with --out, or a --format: sheet, json-hash"),
        ("walk_left --out x.bmp", "no format has the suffix '.bmp'"),
        ("walk_left --out x.png --format gif", "a file of the format gif ends in .gif"),
        ("walk_left --format gfi", "did you mean gif?"),
        ("walk_left --out x.gif --columns 3", "--columns changes nothing in the format gif; it goes with sheet"),
        ("walk_left --out x.hex --scale 2", "--scale changes nothing in the format hex"),
        ("walk_left --out x.png --delay 20", "--delay changes nothing in the format sheet"),
        ("walk_left --out x.gif --delay 0", "--delay must be at least 1"),
        ("walk_left --out x.gif --scale 0", "--scale must be from 1 to 64, got 0"),
        ("walk_left --out x.gif --palette 0", "palette 0: a palette has 1 to 256 colours"),
        ("walk_left --out x.gif --palette x.hex", "x.hex: there is no such file"),
        ("walk_left --out x.gif --only run", "there is no 'run'; expected one of walk_left"),
        ("walk_left --out walk_left/x.gif", "lies in the data folder walk_left"),
        ("walk_left/1.png --out walk_left/1.json", "would replace walk_left/1.png itself"),
        ("walk_left --out none/x.gif", "there is no folder"),
        ("none --out x.gif", "none: there is no such file or folder"),
        ("tiny.safetensors --out x.gif", "is a model: sample.py"),
        ("b.hex --out x.png", "there are no sprites, only a palette"),
    ],
)
def test_mistakes_are_told_in_one_line_and_nothing_is_written(call, model, tmp_path, words, said):
    (tmp_path / "b.hex").write_text("ff0000\n")
    before = files()
    assert_one_line_error(call("export", *words.split()), said)
    assert files() == before


def test_the_help_keeps_the_lines_of_its_examples(call, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["export.py", "--help"])
    with pytest.raises(SystemExit):
        command_module("export").main()
    said = capfd.readouterr().out
    lines = [line for line in said.splitlines() if line.strip().startswith("python scripts/export.py ")]
    assert len(lines) == 5 and "OPTIONS] SPRITES" in said


def test_files_of_the_user_are_not_replaced_unasked(call):
    mine = b"mine"
    for name in ("a.png", "a.gif"):
        Path(name).write_bytes(mine)
    assert_one_line_error(call("export", "walk_left", "--out", "a.json"), "a.png is there already", "--overwrite")
    assert_one_line_error(call("export", "walk_left", "--out", "a.gif"), "a.gif is there already", "--overwrite")
    assert files() == {"a.png", "a.gif"} and Path("a.png").read_bytes() == mine
    os.mkdir("out")
    Path("out/mine.txt").write_bytes(mine)
    assert_one_line_error(
        call("export", "walk_left", "--out", "out"), "is a folder that is not empty; choose another, or add --over"
    )
    assert call("export", "walk_left", "--out", "out", "--overwrite").returncode == 0
    assert Path("out/mine.txt").read_bytes() == mine and len(os.listdir("out")) == 5


def test_a_pair_of_files_appears_together_or_not_at_all(tmp_path, monkeypatch):
    (tmp_path / "b").write_bytes(b"old")
    (tmp_path / "c").mkdir()
    with pytest.raises(OSError):
        write_together(tmp_path, {"a": b"new", "b": b"new", "c/x": b"new", "c": b"no file can be here"})
    assert sorted(os.listdir(tmp_path)) == ["b", "c"] and (tmp_path / "b").read_bytes() == b"old"
    assert not any((tmp_path / "c").iterdir())
    write_together(tmp_path, {"a": b"1", "b": b"2", "d/e": b"3"})
    assert [(tmp_path / name).read_bytes() for name in ("a", "b", "d/e")] == [b"1", b"2", b"3"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c", "d"]


def test_the_palette_of_a_model(call, model):
    assert call("export", "tiny.safetensors", "--out", "a.pal").stdout == "a.pal: pal, 5 colours\n"
    np.testing.assert_array_equal(read_palette("a.pal"), from_hexadecimals(PALETTE))
    os.mkdir("run")
    model.rename("run/model.safetensors")
    assert call("export", "run", "--out", "run/a.hex").returncode == 0
    assert call("export", "shipped", "--format", "hex").stdout == "shipped.hex: hex, 76 colours\n"


FEW = ("--count", 3, "--steps", 1, "--guidance", 1, 2)


def test_what_is_sampled_is_exported(call, model):
    result = call("sample", model, *FEW, "--export", "a.gif", "b.json", "--export", "c.aseprite", "--npz", "d.npz")
    assert result.returncode == 0, result.stderr
    assert files() == {"grid.png", "a.gif", "b.json", "b.png", "c.aseprite", "d.npz"}
    for name, told in (("a.gif", "gif, 12 frames"), ("b.json and b.png", "2 frame tags"), ("c.aseprite", "5 colours")):
        assert any(line.startswith(f"{name}: ") and told in line for line in result.stdout.splitlines())
    sprites = np.load("d.npz")["sprites"]
    with Image.open("a.gif") as image:
        for i, sprite in enumerate(sprites):
            image.seek(i)
            shown = np.asarray(image.convert("RGBA"))
            np.testing.assert_array_equal(shown * (shown[..., 3:] > 0), sprite)
    assert call("export", "d.npz", "--out", "e.json").returncode == 0
    assert Path("e.json").read_text().replace("e.png", "b.png") == Path("b.json").read_text()


def test_a_picture_grid_is_no_sprite(call, model):
    assert call("sample", model, *FEW).returncode == 0
    for words in (("export", "grid.png", "--out", "a.gif"), ("edit", model, "grid.png", "--strength", 0.5)):
        assert_one_line_error(call(*words), "grid.png is a picture to look at", "--export sprites.png")
    assert files() == {"grid.png"}


def test_places_of_what_is_sampled_are_checked_first(call, model):
    Path("a.png").write_bytes(b"mine")
    for words, said in (
        (["--export", "a.json"], "--export a.png is there already"),
        (["--export"], "--export needs a path, got nothing"),
        (["--export", "b.bmp"], "no format has the suffix '.bmp'"),
        (["--out", "b.png", "--export", "b.tsx"], "--export b.tsx would write b.png, which another flag names too"),
        (["--png-folder", "p", "--export", "p/b.gif"], "--export p/b.gif"),
    ):
        assert_one_line_error(call("sample", model, *FEW, *words), said)
    assert files() == {"a.png"}
    assert call("sample", model, *FEW, "--export", "a.json", "--overwrite").returncode == 0


def test_an_export_that_fails_keeps_no_other_from_being_written(call, tmp_path):
    """As one of many colours, which is known only once they are sampled."""
    model = save_untrained(tmp_path / "tiny.safetensors", ())
    result = call("sample", model, *FEW, "--count", 20, "--export", "a.gif", "b.aseprite", "--out", "g.png")
    assert_one_line_error(result, "colours, where indexed files have at most 255")
    assert files() == {"g.png", "b.aseprite"}
