"""edit.py as a user has it: what stays, what is written, --like, and one line for each mistake."""

import sys
from contextlib import nullcontext

import numpy as np
import pytest
from conftest import assert_one_line_error, command_module, untrained
from PIL import Image

from ddpm.config import DiffusionConfig, ModelConfig
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A file of an untrained network of 8x8 RGBA with tags and a palette."""
    path = tmp_path_factory.mktemp("edit") / "model.safetensors"
    tiny, short = ModelConfig(widths=(16,), attention=(0,)), DiffusionConfig(timesteps=50)
    facets, palette = {"colour": ("red", "blue")}, ("101010", "d19b62", "30a0ff")
    spec = ModelSpec(8, 4, ("square", "bar"), tiny, short, facets=facets, palette=palette)
    save_model(path, untrained(spec), spec, 1)
    return path


@pytest.fixture
def edit(model, tmp_path, run_here):
    """Run edit.py with this model, as `run_here`, in a folder with some images."""
    rng = np.random.default_rng(0)
    for name, size in (("a", 8), ("b", 8), ("big", 24)):
        pixels = rng.integers(0, 256, (size, size, 4), np.uint8)  # soft alpha too
        pixels[0] = (9, 8, 7, 0)  # a colour under transparent pixels
        Image.fromarray(pixels).save(f"{name}.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 255
    Image.fromarray(mask).save("mask.png")
    Image.fromarray(0 * mask).save("none.png")
    (tmp_path / "p.hex").write_text("ff0000\n00ff00\n0000ff\n")
    return lambda *args: run_here("edit", model, *args)


def image(name: str) -> np.ndarray:
    return np.asarray(Image.open(name))


def arrays(edit, *args) -> np.ndarray:
    result = edit(*args, "--npz", "x.npz", "--overwrite", "--steps", 2)
    assert result.returncode == 0, result.stderr
    return np.load("x.npz")["sprites"]


def test_outside_the_mask_and_at_strength_0_every_byte_stays(edit):
    sprites = arrays(edit, "a.png", "b.png", "--mask", "mask.png", "--count", 3)
    assert len(sprites) == 6
    for i, name in enumerate(["a.png"] * 3 + ["b.png"] * 3):
        assert np.array_equal(sprites[i][:, :4], image(name)[:, :4])
        assert not np.array_equal(sprites[i][:, 4:], image(name)[:, 4:])
    sprites = arrays(edit, "a.png", "--strength", 0, 1, "--count", 1)
    assert np.array_equal(sprites[0], image("a.png")) and not np.array_equal(sprites[1], image("a.png"))


def test_the_ends_between_two_images_are_the_images(edit):
    sprites = arrays(edit, "a.png", "b.png", "--between", 3, "--count", 2)
    assert len(sprites) == 10
    for start in (0, 5):
        assert np.array_equal(sprites[start], image("a.png")) and np.array_equal(sprites[start + 4], image("b.png"))


def test_between_two_requests_the_ends_are_those_of_sample(edit, model, monkeypatch):
    sprites = arrays(edit, "--between", 2, "--categories", "square", "bar", "--count", 1)
    monkeypatch.setattr(
        sys, "argv", ["sample.py", str(model), "--guidance", "2", "--count", "1", "--steps", "2", "--npz", "s.npz"]
    )
    assert command_module("sample").main() == 0
    assert np.array_equal(sprites[[0, -1]], np.load("s.npz")["sprites"])


@pytest.mark.parametrize("ends", [("a.png", "b.png"), ("--tags", "colour=red", "colour=blue")])
def test_between_may_be_stopped_after_a_batch(edit, monkeypatch, ends):
    monkeypatch.setattr("ddpm.sampling.BATCH", {"cpu": 2})
    monkeypatch.setattr("ddpm.commands.edit.interruptible", lambda told: nullcontext([2]))  # Ctrl-C at once
    result = edit(*ends, "--between", 4, "--steps", 2, "--npz", "x.npz")
    assert result.returncode == 130 and len(np.load("x.npz")["sprites"]) < 6


def test_the_settings_are_in_the_picture(edit):
    flags = ("--strength", 0.7, "--tags", "colour=red", "--guidance", -1, 3, "--not", "colour=blue", "--seed", 5)
    first = arrays(edit, "a.png", *flags, "--count", 2)
    again = arrays(edit, "a.png", "--like", "edit.png")
    assert np.array_equal(first, again)
    other = arrays(edit, "a.png", "--like", "edit.png", "--guidance", 3, "--not", "colour=red")
    assert len(other) == 2 and not np.array_equal(first[2:], other)
    assert Image.open("edit.png").info["seed"] == "5"


def test_recolour_and_tile(edit):
    assert edit("a.png", "--recolour", "p.hex").returncode == 0
    sprites = arrays(edit, "a.png", "--recolour", "p.hex")
    seen = sprites[0][..., 3] > 0
    assert set(map(tuple, sprites[0][seen][:, :3].tolist())) <= {(255, 0, 0), (0, 255, 0), (0, 0, 255)}
    large = arrays(edit, "big.png", "--recolour", "p.hex")
    assert large.shape == (1, 24, 24, 4)
    assert_one_line_error(edit("a.png", "big.png", "--recolour", "p.hex"), "images of one size at a time")
    whole = Image.new("RGB", (8, 8), (200, 10, 10))
    whole.save("ground.png")
    sprites = arrays(edit, "ground.png", "--tile", "--count", 2)
    assert (sprites[..., 3] == 255).all() and (sprites[:, 2:6, 2:6, :3] == (200, 10, 10)).all()
    assert (sprites[:, 0, :, :3] != (200, 10, 10)).any()
    sprites = arrays(edit, "ground.png", "--tile", "across")
    assert (sprites[:, :, 2:6, :3] == (200, 10, 10)).all()


def test_a_drawing_on_plain_ground_loses_it(edit):
    pixels = np.full((8, 8, 3), 255, np.uint8)
    pixels[2:6, 2:6] = (16, 16, 16)
    Image.fromarray(pixels).save("sketch.png")
    result = edit("sketch.png", "--strength", 0.1, "--steps", 2)
    assert "48 pixels, was taken as transparent" in result.stdout
    assert (arrays(edit, "sketch.png", "--strength", 0.01)[:, 0, 0, 3] == 0).all()


@pytest.mark.parametrize(
    "args, words",
    [
        ((), "no image is given"),
        (("a.png", "--strength", "1.5"), "--strength is from 0"),
        (("big.png",), "24x24 pixels, and the model's sprites have 8x8"),
        (("a.png", "--mask", "none.png"), "marks no pixel"),
        (("a.png", "--mask", "big.png"), "a mask is as large as its image"),
        (("gone.png",), "there is no such file"),
        (("a.png", "--between", "2"), "--between needs two images"),
        (("a.png", "b.png", "--between", "2", "--sampler", "heun"), "--between goes along the sampler ddim"),
        (("a.png", "--between", "2", "--tile"), "give one"),
        (("a.png", "--recolour", "p.hex", "--mask", "mask.png"), "--mask does not go with --recolour"),
        (("a.png", "--recolour", "gone.hex"), "there is no such file"),
        (("a.png", "--tags", "colour=pink"), "no colour 'pink' is known"),
        (("a.png", "--like", "a.png"), "no settings in it"),
        (("a.png", "--out", "a.png", "--overwrite"), "is an image that is edited"),
        (("a.png", "--tile", "up"), "expected one of across, down"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else "",
)
def test_a_mistake_is_told_in_one_line(edit, tmp_path, args, words):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert_one_line_error(edit(*args), words)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
