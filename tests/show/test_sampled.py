"""What sample.py leaves: nothing of the user's is lost, nor what was sampled, and nothing is found out too late."""

import os
import resource
import signal

import numpy as np
import pytest
import torch
from conftest import assert_one_line_error, tiny_sprites, untrained, write_npy
from PIL import Image

from ddpm import sampling
from ddpm.commands.shared.flags import check_results
from ddpm.config import Config, DiffusionConfig, ModelConfig, Sampling, to_toml
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_uint8
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import BATCH as BATCHES
from ddpm.sampling import Sampler
from ddpm.show.sampled import Sampled
from ddpm.system import memory
from ddpm.system.outputs import is_sampled

BATCH = BATCHES["cpu"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A run folder with an untrained network of 8x8 RGBA in two categories, beside its data."""
    folder = tmp_path_factory.mktemp("sampled") / "run"
    folder.mkdir()
    data = write_npy(folder.with_name("data"), *tiny_sprites(40, 8, 4))
    tiny, short = ModelConfig(widths=(16,), attention=()), DiffusionConfig(timesteps=10)
    spec = ModelSpec(8, 4, ("square", "bar"), tiny, short)
    network = untrained(spec)
    save_model(folder / "model.safetensors", network, spec, 1)
    (folder / "config.toml").write_text(to_toml(Config(data=data, out=folder)))
    return folder, network, spec


@pytest.fixture
def call(model, run_here):
    """Run a script with this model, as `run_here`."""
    return lambda script, *args: run_here(script, model[0], *args)


def test_cells_are_those_of_the_grid(model):
    """Of large cells too, whose batches come in another order."""
    _, network, spec = model
    condition, sampler = Condition.of(spec.contexts()), Sampler(network, spec, Sampling(steps=2, seed=3))
    for count in (5, BATCH + 40):
        pixels, done = sampler.cells(condition, [0.0, 2.0], count)
        assert done.all() and np.array_equal(pixels, to_uint8(sampler.grid(condition, [0.0, 2.0], count)))


def test_all_cells_have_sprites_before_one_has_all(model):
    _, network, spec = model
    batches = iter([0, 0, 0, signal.SIGINT])
    sampler = Sampler(network, spec, Sampling(steps=1))
    _, done = sampler.cells(Condition.of(spec.contexts()), [0.0, 2.0], 3 * BATCH, stop=lambda: next(batches))
    assert done.sum((2,)).tolist() == [[BATCH, BATCH], [BATCH, BATCH]]


FEW = ("--count", 2, "--steps", 1, "--guidance", 1)


def test_only_a_picture_of_its_own_is_replaced_unasked(call, tmp_path):
    grid, arrays = tmp_path / "grid.png", tmp_path / "a.npz"
    told = call("sample", *FEW, "--npz", arrays)
    assert told.returncode == 0 and ", 1 step\n" in told.stdout
    first = grid.read_bytes()
    assert Image.open(grid).info["Software"] == "ddpm-sprites" and Image.open(grid).info["seed"] == "0"
    assert is_sampled(grid) and call("sample", *FEW, "--seed", 1).returncode == 0
    assert grid.read_bytes() != first

    Image.new("RGB", (8, 8)).save(grid)
    mine = grid.read_bytes(), arrays.read_bytes()
    assert_one_line_error(call("sample", *FEW), "--out grid.png is there already", "--overwrite")
    assert_one_line_error(call("sample", *FEW, "--out", "new.png", "--npz", arrays), "--npz", "is there already")
    assert (grid.read_bytes(), arrays.read_bytes()) == mine and len(list(tmp_path.iterdir())) == 2
    assert call("sample", *FEW, "--npz", arrays, "--overwrite", "--seed", 1).returncode == 0
    assert is_sampled(grid) and arrays.read_bytes() != mine[1]


def test_nothing_is_written_among_the_training_sprites(call, model, tmp_path):
    data = model[0].with_name("data")
    before = sorted(data.iterdir())
    for flags in (
        ("--out", data / "x.png"),
        ("--npz", data / "x.npz"),
        ("--png-folder", data / "hero"),
        ("--export", data / "x.gif"),
    ):
        assert_one_line_error(call("sample", *FEW, *flags, "--overwrite"), flags[0], "lies in the data folder")
    for script in ("sweep", "compare"):
        result = call(script, "--data", data, "--out", data / "found", "--per-category", 6)
        assert_one_line_error(result, "--out", "lies in the data folder")
    (tmp_path / "p").mkdir()
    assert_one_line_error(call("sample", *FEW, "--out", "p/x.png", "--png-folder", "p"), "--png-folder p")
    assert_one_line_error(call("sample", *FEW, "--out", "x.png", "--png-folder", "x.png"), "--png-folder x.png")
    (tmp_path / "link").symlink_to(tmp_path / "p")
    for name in ("link", "."):
        assert_one_line_error(call("sample", *FEW, "--png-folder", name), f"--png-folder {name} is not the name")
    assert sorted(data.iterdir()) == before


PLACES = [
    ("sample", "--out", "/proc/x.png"),
    ("sample", "--npz", "/proc/x.npz"),
    ("sample", "--png-folder", "/proc/x"),
    ("sweep", "--out", "/proc/x"),
    ("sweep", "--judges", "/proc/x"),
    ("compare", "--out", "/proc/x/y"),
    ("compare", "--judges", "/proc/x"),
    ("distill", "--out", "/proc/x"),
]


@pytest.mark.parametrize("script, flag, place", PLACES, ids=lambda x: x)
def test_a_place_that_cannot_be_written_is_told_before_the_work(call, model, monkeypatch, script, flag, place):
    if not os.path.isdir("/proc"):
        pytest.skip("needs a folder that even root cannot write into")

    def work(*args, **how):
        raise AssertionError("too late")

    monkeypatch.setattr("ddpm.sampling.Sampler.batch", work)
    data = ("--data", model[0].with_name("data"), "--per-category", 6) if script in ("sweep", "compare") else ()
    assert_one_line_error(call(script, *data, flag, place), f"{flag} {place}", "nothing can be written into /proc")


@pytest.mark.parametrize("script", ["sweep", "compare", "facets"])
def test_results_go_into_no_folder_of_other_files(call, model, tmp_path, script):
    """Where a sweep would replace curves.png and remove tb/ and grid_s*.png."""
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    (pictures / "curves.png").write_text("mine")
    data = model[0].with_name("data")
    if script == "facets":
        with pytest.raises(ValueError, match=r"holds curves\.png and no facets\.json"):
            check_results("--out", pictures, "facets.json", data)
        return
    many = ("--data", data, "--out", pictures, "--per-category", 6)
    assert_one_line_error(call(script, *many), "holds curves.png", f"no {script}.json", "new or empty folder")
    assert [p.name for p in pictures.iterdir()] == ["curves.png"]


def test_one_output_that_fails_does_not_lose_the_others(call, tmp_path, monkeypatch):
    def full(*args, **how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ddpm.show.sampled.labelled_grid", full)
    result = call("sample", *FEW, "--npz", "a.npz", "--png-folder", "p")
    assert_one_line_error(result, "No space left on device")
    assert np.load(tmp_path / "a.npz")["sprites"].shape == (4, 8, 8, 4)
    assert len(list((tmp_path / "p").rglob("*.png"))) == 4 and not (tmp_path / "grid.png").exists()


def test_what_does_not_fit_is_refused_before(call, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    result = call("sample", "--count", 100_000, "--guidance", *range(40))
    assert_one_line_error(result, "8,000,000 sprites of 8x8x4", "2.2 GiB", "1.0 GiB are free")
    assert not list(tmp_path.iterdir())


def test_very_many_sprites_in_little_memory(call, tmp_path):
    """The picture alone would have needed gigabytes."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    taken = memory.number(memory.PROC / "self/status", "VmSize") or 0
    resource.setrlimit(resource.RLIMIT_AS, (taken * 1024 + 2**28, limits[1]))
    try:
        result = call("sample", "--count", 10_000, "--steps", 1, "--npz", "a.npz", "--guidance", 0)
        assert result.returncode == 0, result.stderr
        with pytest.raises(MemoryError):
            np.ones(2**28)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert "grid.png shows the first 2401 of 10000 sprites of each cell; --npz" in result.stdout
    assert np.load(tmp_path / "a.npz")["sprites"].shape == (20_000, 8, 8, 4)
    with Image.open(tmp_path / "grid.png") as picture:
        assert 2**23 < picture.width * picture.height < 2**25


@pytest.mark.parametrize("kind", ["numpy", "torch", "cuda"])
def test_want_of_memory_is_one_line(call, monkeypatch, kind):
    def work(*args, **how):
        if kind == "numpy":
            np.ones(2**60, np.uint8)
        if kind == "torch":
            torch.ones(2**60, dtype=torch.uint8)
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total of 8 GiB")

    monkeypatch.setattr("ddpm.sampling.Sampler.batch", work)
    assert_one_line_error(call("sample", *FEW), "out of memory at", "20.00 GiB" if kind == "cuda" else "more")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sampling_keeps_what_is_done(call, tmp_path, monkeypatch, number):
    uint8 = sampling.to_uint8
    monkeypatch.setattr(sampling, "to_uint8", lambda x: (os.kill(os.getpid(), number), uint8(x))[1])
    many = ("--count", 200, "--guidance", 1, "--steps", 1, "--npz", "a.npz", "--png-folder", "p")
    result = call("sample", *many)
    assert result.returncode == 128 + number and "stopping after this batch" in result.stderr
    assert result.stdout.splitlines()[0] == "stopped after 128 of 400 sprites"
    assert "grid.png: 2 rows x 1 column x up to 128 sprites" in result.stdout
    monkeypatch.undo()
    part = np.load(tmp_path / "a.npz")
    assert part["sprites"].shape == (128, 8, 8, 4) and part["labels"].tolist() == [0] * 128
    assert len(list((tmp_path / "p").rglob("*.png"))) == 128 and is_sampled(tmp_path / "grid.png")


def test_a_picture_of_a_part_has_room_for_what_is_done():
    pixels = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(3, 3).reshape(2, 1, 6, 1, 1, 3)
    done = np.array([[[0, 1, 0, 0, 1, 1]], [[1, 0, 0, 0, 0, 0]]], bool)
    shown, there = Sampled(pixels, done, "ab", "s", np.arange(2), [1.0], {}).cells()
    assert shown.shape == (2, 1, 3, 1, 1, 3) and there.tolist() == [[[True] * 3], [[True, False, False]]]
    assert shown[there][:, 0, 0, 0].tolist() == [1, 4, 5, 6]


def test_a_second_signal_leaves_at_once_and_nothing_half_written(call, tmp_path, monkeypatch):
    def twice(x):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(sampling, "to_uint8", twice)
    result = call("sample", *FEW, "--npz", "a.npz")
    assert result.returncode == 130 and "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_an_album_holds_what_is_done_with_a_frame_tag_for_each_row():
    pixels = np.arange(3 * 2 * 2 * 4, dtype=np.uint8).reshape(3, 2, 2, 1, 1, 4)
    done = np.ones((3, 2, 2), bool)
    done[0, 1, 1] = done[1] = False
    album = Sampled(pixels, done, ["a", "b", "c"], "st", np.arange(3), [1.0, 2.0], {}).album(None)
    assert list(album.runs) == [("a", 0, 2), ("c", 3, 6)]
    assert list(album.names) == ["a/s1_0000", "a/s1_0001", "a/s2_0000"] + [
        f"c/s{s}_000{i}" for s in (1, 2) for i in (0, 1)
    ]
    np.testing.assert_array_equal(album.sprites, pixels[done])
