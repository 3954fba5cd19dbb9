"""animate.py as a user has it: what moves, what stays to the bit, what is written, and one line for each mistake."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import assert_one_line_error, command_module
from PIL import Image, ImageSequence

from ddpm.commands.animate import Arguments, stills_for
from ddpm.config import DiffusionConfig, ModelConfig
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from sprites.export.animations import write_gif
from sprites.originals import coloured_like, frames_of
from sprites.prepare.aseprite.file import read_aseprite
from sprites.reading.image import read_frames

PALETTE = ("101010", "d19b62", "30a0ff", "ffffff")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A file of an untrained network of clips of 8x8 RGBA with tags and a palette."""
    path = tmp_path_factory.mktemp("animate") / "model.safetensors"
    tiny, short = ModelConfig(widths=(16,), attention=(0,), frames=4), DiffusionConfig(timesteps=50)
    facets = {"colour": ("red", "blue")}
    spec = ModelSpec(8, 4, ("walk", "stand"), tiny, short, facets=facets, palette=PALETTE, moving=("walk",))
    torch.manual_seed(0)
    network = spec.build()
    with torch.no_grad():
        for p in network.parameters():
            p += 0.1 * torch.randn_like(p)
    save_model(path, network, spec, 1)
    return path


@pytest.fixture
def animate(model, tmp_path, monkeypatch, capfd):
    """Run animate.py in this process, in a folder with some images; returns it as if it had been a process."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    pixels = rng.choice(np.array([(200, 10, 10, 255), (0, 0, 0, 0), (10, 200, 90, 255)], np.uint8), (8, 24))
    pixels[0] = (9, 8, 7, 0)  # a colour under transparent pixels
    Image.fromarray(pixels).save("strip.png")
    Image.fromarray(pixels[:, :8]).save("still.png")
    Image.fromarray(pixels[:, :8].repeat(3, 0).repeat(3, 1)).save("big.png")

    def run_it(*args, of=model):
        monkeypatch.setattr(sys, "argv", ["animate.py", str(of), *map(str, args)])
        capfd.readouterr()
        code = command_module("animate").main()
        out, err = capfd.readouterr()
        lines = [line for line in err.splitlines() if line.strip() and "frame/s" not in line]
        return subprocess.CompletedProcess("animate", code, out, "\n".join(lines))

    return run_it


def frames(name: str) -> np.ndarray:
    return np.stack([np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(Image.open(name))])


def test_what_moves_is_animated_without_a_word(animate, tmp_path):
    result = animate("--count", 3, "--steps", 3)
    assert (result.returncode, result.stderr) == (0, "")
    moving = frames("walks.gif")
    assert len(moving) == 4 and moving.shape[1:] == (32, 4 * (3 * 8 + 2), 4)
    assert Image.open("walks.gif").info["loop"] == 0
    assert {bytes(c).hex() for c in moving[moving[..., 3] > 0][:, :3]} <= set(PALETTE)
    assert set(np.unique(moving[..., 3])) <= {0, 255}
    assert not moving[:, :, 32:36].any()  # transparent between the clips


@pytest.mark.parametrize("name", ["a.gif", "a.apng", "a.png"])
def test_the_same_command_gives_the_same_bytes(animate, tmp_path, name):
    args = ("--tags", "colour=red", "--count", 2, "--steps", 2, "--frames", 6, "--out", name)
    assert animate(*args).returncode == 0
    first = (tmp_path / name).read_bytes()
    assert_one_line_error(animate(*args), "is there already", "--overwrite")
    assert animate(*args, "--overwrite").returncode == 0
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize("image, given", [("still.png", 1), ("strip.png", 3)])
def test_given_frames_stay_to_the_bit_in_every_file(animate, image, given):
    result = animate("--image", image, "--frames", 5, "--count", 2, "--steps", 2, "--export", "w.aseprite", "w.png")
    assert result.returncode == 0 and "is taken for step" in result.stdout
    exact = np.asarray(Image.open(image)).reshape(8, given, 8, 4).swapaxes(0, 1)
    shown = np.where(exact[..., 3:] > 0, exact, 0)
    album = read_aseprite("w.aseprite", None)
    found = np.asarray(album.frames).reshape(2, 5, 8, 8, 4)
    assert [(tag.first, tag.last) for tag in album.tags] == [(0, 4), (5, 9)]
    assert np.array_equal(found[:, :given], np.stack([shown, shown]))
    gif = frames("walks.gif")[:given, ::4, ::4]
    assert np.array_equal(gif[:, :, :8], shown) and np.array_equal(gif[:, :, 9:], shown)
    assert not np.array_equal(found[0, given:], found[1, given:])  # from other noise


def test_what_is_sampled_has_the_colours_of_the_given_frame(animate):
    animate("--image", "still.png", "--count", 1, "--steps", 3, "--export", "w.aseprite")
    found = np.asarray(read_aseprite("w.aseprite", None).frames)
    own, plain = frames_of(Path("still.png"), 8, 4, None, palette())
    stands = {bytes(c).hex() for c in plain[plain[..., 3] > 0][:, :3]}
    colours = {bytes(c).hex() for c in found[found[..., 3] > 0][:, :3]}
    assert not stands & colours and colours <= {"c80a0a", "0ac85a"} | set(PALETTE)
    assert own.shape == plain.shape == (1, 8, 8, 4)


def palette() -> np.ndarray:
    return np.array([list(bytes.fromhex(c)) for c in PALETTE], np.uint8)


def test_colours_that_stand_for_others_are_those_again():
    exact = np.array([[[[200, 0, 0, 255], [0, 200, 0, 255], [0, 0, 0, 0], [9, 9, 9, 255]]]], np.uint8)
    plain = exact.copy()
    plain[0, 0, :, :3] = [[255, 0, 0], [0, 255, 0], [0, 0, 0], [255, 0, 0]]  # two stand for one
    clip = np.stack([plain[0], plain[0][:, ::-1]])[None]
    found = coloured_like(clip, plain, exact)
    assert np.array_equal(found[0, 0], exact[0])
    assert found[0, 1, 0, :, 0].tolist() in ([200, 0, 0, 200], [9, 0, 0, 9]) and clip[0, 1, 0, 0, 0] == 255


def test_a_png_shows_frames_across_and_clips_down(animate):
    animate("--count", 3, "--steps", 2, "--frames", 4, "--out", "s.png")
    wide, high = Image.open("s.png").size
    animate("--count", 3, "--steps", 2, "--frames", 8, "--out", "l.png")
    assert Image.open("l.png").size[0] > wide + 4 * 48 and Image.open("l.png").size[1] == high


@pytest.mark.parametrize(
    "args, words",
    [
        (("--guidance", 1, 2), ("an animation has one scale",)),
        (("--image", "nothing.png"), ("there is no such file",)),
        (("--image", "."), ("a folder",)),
        (("--image", "big.png"), ("24x24", "--fit")),
        (("--image", "strip.png", "--frames", 3), ("has 3 frames already", "--frames")),
        (("--categories", "wlak"), ("did you mean 'walk'",)),
        (("--tags", "colour=green"), ("no colour 'green'",)),
        (("--history", 1, "--guidance", 0), ("above 0",)),
        (("--out", "a.txt"), (".gif or .apng", ".png")),
        (("--out", "nowhere/a.gif"), ("nowhere",)),
        (("--first", "shipped"), ("first frames are of 8x8 in 4 channels of walk, stand",)),
        (("--first", "shipped", "--image", "still.png"), ("that of --image", "leave one of them out")),
        (("--lead", -1), ("expected 0 to 1,024",)),
        (("--count", 0), ("--count",)),
        (("--frames", 0), ("--frames",)),
        (("--milliseconds", 0), ("--milliseconds",)),
        (("--export", "walks.gif"), ("another flag",)),
        (("--export", "a.docx"), ("no format",)),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(animate, tmp_path, args, words):
    before = sorted(tmp_path.iterdir())
    assert_one_line_error(animate(*args, *(() if "--count" in args else ("--count", 1)), "--steps", 2), *words)
    assert sorted(tmp_path.iterdir()) == before


def test_what_hardly_moves_is_told(animate):
    result = animate("--categories", "stand", "--count", 1, "--steps", 2)
    assert result.returncode == 0 and "saw no clips of category=stand" in result.stderr


def test_tags_that_never_moved_are_told():
    facets = {"kind": ("wolf", "slime"), "facing": ("left", "front"), "colour": ("red",)}
    moved = {"kind": ("wolf",), "facing": ("left",)}
    model, short = ModelConfig(widths=(16,), attention=(0,), frames=4), DiffusionConfig(timesteps=50)
    spec = ModelSpec(8, 4, ("walk", "stand"), model, short, facets=facets, moving=("walk",), moved=moved)

    def told(*places: int) -> list[str]:
        return spec.never_moved(torch.tensor([float(place in places) for place in range(spec.places)]))

    assert told(0, 2, 4, 6) == []  # of the colour nothing is known
    assert told(1, 3, 5) == ["category=stand", "kind=slime", "facing=front"]
    with pytest.raises(ValueError, match="moved: got"):
        dataclasses.replace(spec, moved={"kind": ("bat",)})


def test_the_model_of_stills_that_comes_along_draws_first_frames_where_it_can(model, capsys):
    _, walks = load_model("walks")
    _, stills = stills_for(Arguments(), walks)
    assert stills == load_model("shipped")[1]
    assert "drawn by shipped; --first walks has walks draw them" in capsys.readouterr().out
    for args in (Arguments(first=Path("walks")), Arguments(image=Path("x.png"))):
        assert stills_for(args, walks) is None
    assert stills_for(Arguments(), load_model(model)[1]) is None  # of other sprites
    assert capsys.readouterr().out == ""


def test_a_model_of_stills_is_told(animate, tmp_path):
    spec = ModelSpec(8, 4, ("walk",), ModelConfig(widths=(16,), attention=(0,)), DiffusionConfig(timesteps=50))
    save_model(tmp_path / "still.safetensors", spec.build(), spec, 1)
    assert_one_line_error(animate(of=tmp_path / "still.safetensors"), "stills alone", "walks, which comes along")


def test_an_animation_of_given_frames_is_read_as_they_are(tmp_path):
    from ddpm.show.clips import album_of

    clip = np.zeros((1, 3, 8, 8, 4), np.uint8)
    clip[0, 0, 2:4, 2:4] = clip[0, 1, 3:5, 2:4] = clip[0, 2, 4:6, 2:4] = (200, 10, 10, 255)
    (tmp_path / "g.gif").write_bytes(write_gif(album_of(clip, ["a"], 100), "g.gif", None).contents["g.gif"])
    assert np.array_equal(read_frames(tmp_path / "g.gif"), clip[0])
    assert np.array_equal(frames_of(tmp_path / "g.gif", 8, 4, None, None)[0], clip[0])


def test_without_a_number_whole_cycles_are_made_with_something_new(animate):
    for image, count in (("still.png", 4), ("strip.png", 4), ("four.png", 8)):
        strip = np.asarray(Image.open("strip.png"))
        Image.fromarray(np.concatenate([strip, strip[:, :8]], 1)).save("four.png")
        result = animate("--image", image, "--count", 1, "--steps", 2, "--export", "w.aseprite", "--overwrite")
        assert result.returncode == 0, result.stderr
        assert len(read_aseprite("w.aseprite", None).frames) == count
