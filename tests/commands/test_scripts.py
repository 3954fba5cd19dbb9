"""The commands, run as a user runs them."""

import ast
import json
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from conftest import ROOT, SMALL, assert_one_line_error, command, run, start, tiny_sprites, write_npy
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ddpm.runs.tensor_files import read_safetensors

QUIET = [*SMALL, "--log.every", 2, "--log.snapshot", 100, "--log.count", 2]
FAST = [*QUIET, "--log.evaluate", 0]


@pytest.fixture(scope="module")
def empty_toml(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "c.toml"
    path.write_text("# only defaults\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, empty_toml):
    """A run of a few steps on RGBA sprites."""
    tmp = tmp_path_factory.mktemp("trained")
    data = write_npy(tmp / "data", *tiny_sprites(60, 8, 4))
    evaluated = ("--log.evaluate", 2, "--log.evaluate-count", 4)
    args = (empty_toml, "--data", data, "--out", tmp / "run", "--steps", 5, *QUIET, *evaluated)
    result = run("train", *args)
    assert result.returncode == 0, result.stderr
    return tmp / "run", data, result


def test_train_leaves_what_the_design_says(trained):
    folder, _, result = trained
    assert "60 sprites 8x8 RGBA in 2 categories (square, bar)" in result.stdout
    found = {p.name for p in folder.iterdir()}
    weights = {"model.safetensors", "best.safetensors", "early.safetensors"}
    assert found == {"config.toml", "checkpoints", "samples", "tb"} | weights
    grid = Image.open(folder / "samples" / "grid_0000005.png")
    assert grid.width > 200 and grid.height > 100


def test_tensorboard_has_curves_pictures_settings_and_figures(trained):
    events = EventAccumulator(str(trained[0] / "tb")).Reload()
    tags = events.Tags()
    curves = {"loss/train", "loss/validation", "train/learning_rate", "train/gradient_norm", "loss_by_category/bar"}
    assert curves <= set(tags["scalars"])
    assert [e.step for e in events.Scalars("loss/train")] == [2, 4, 5]
    distances = {e.step: e.value for e in events.Scalars("evaluation/frechet_distance")}
    assert sorted(distances) == [2, 4, 5]
    figures = {f"pixel_art/{name}" for name in ("colours", "near_colours", "orphans", "in_palette", "greys", "parts")}
    assert figures | {f"{name}_real" for name in figures} <= set(tags["scalars"])
    assert {e.value for e in events.Scalars("pixel_art/in_palette")} == {1.0}
    best = read_safetensors(trained[0] / "best.safetensors")[1]
    assert best["step"] == min(distances, key=distances.get)
    assert best["frechet_distance"] == pytest.approx(min(distances.values()), rel=1e-6)
    assert set(tags["images"]) == {"samples/grid", "samples/path"}
    assert b"widths" in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
    assert "_hparams_/session_start_info" in events.summary_metadata


def test_sample_writes_exact_sprites(trained, tmp_path):
    args = (trained[0], "--guidance", 0, 2, "--categories", "bar", "square=0.7,bar=0.3", "uncond", "--count", 3)
    outputs = ("--out", tmp_path / "g.png", "--npz", tmp_path / "s.npz", "--png-folder", tmp_path / "pngs")
    result = run("sample", *args, "--steps", 3, *outputs, fresh=True)
    assert result.returncode == 0, result.stderr
    arrays = np.load(tmp_path / "s.npz")
    assert arrays["sprites"].shape == (18, 8, 8, 4) and arrays["sprites"].dtype == np.uint8
    assert set(np.unique(arrays["sprites"][..., 3])) <= {0, 255}
    assert arrays["labels"].tolist() == [1] * 6 + [0] * 6 + [-1] * 6 and arrays["labels"].dtype == np.int64
    assert arrays["guidance"].tolist() == [0, 0, 0, 2, 2, 2] * 3 and arrays["guidance"].dtype == np.float32
    assert (arrays["sprites"][12:15] == arrays["sprites"][15:]).all()  # no context: the scale cannot matter
    assert (arrays["sprites"][:3] == arrays["sprites"][12:15]).all()  # s = 0: the context cannot matter
    saved = np.asarray(Image.open(tmp_path / "pngs" / "bar" / "s2_0001.png"))
    assert np.array_equal(saved, arrays["sprites"][4])


def test_sprites_keep_to_the_palette_of_the_set_or_to_one_that_is_asked_for(trained, tmp_path):
    def colours(*args):
        """Of each sampled sprite."""
        outputs = ("--out", tmp_path / "g.png", "--npz", tmp_path / "s.npz", "--overwrite")
        result = run("sample", trained[0], "--guidance", 2, "--count", 6, "--steps", 3, *outputs, *args)
        assert result.returncode == 0, result.stderr
        pixels = np.load(tmp_path / "s.npz")["sprites"]
        return [{bytes(p[:3]).hex() for p in sprite.reshape(-1, 4) if p[3]} for sprite in pixels]

    real = np.load(trained[1] / "sprites.npy").reshape(-1, 4)
    of_set = {bytes(p[:3]).hex() for p in real if p[3]}
    assert f"a palette of {len(of_set)} colours" in trained[2].stdout
    assert set().union(*colours()) <= of_set
    assert not set().union(*colours("--palette", "none")) <= of_set
    (tmp_path / "mine.hex").write_text("#102030\n#c0d0e0\n")
    assert set().union(*colours("--palette", tmp_path / "mine.hex")) <= {"102030", "c0d0e0"}
    assert len(set().union(*colours("--palette", 3))) <= 3
    assert max(map(len, colours("--palette", "none", "--colours", 2))) <= 2
    shutil.rmtree(tmp_path / "pngs", ignore_errors=True)
    exact = colours("--png-folder", tmp_path / "pngs", "--indexed")
    files = [tmp_path / "pngs" / name / f"s2_{i:04d}.png" for name in ("square", "bar") for i in range(6)]
    for file, found in zip(files, exact, strict=True):
        with Image.open(file) as picture:
            assert picture.mode == "P" and picture.info["transparency"] == 0
            pixels = np.asarray(picture.convert("RGBA")).reshape(-1, 4)
        assert {bytes(p[:3]).hex() for p in pixels if p[3]} == found


def test_sampling_is_a_function_of_the_seed(trained, tmp_path):
    def sprites(seed, name, *more):
        base = (
            "--count",
            2,
            "--steps",
            2,
            "--seed",
            seed,
            "--out",
            tmp_path / "g.png",
            "--npz",
            tmp_path / name,
            "--overwrite",
            "--palette",
            "none",
        )
        assert run("sample", trained[0], "--guidance", 2, *base, *more).returncode == 0
        return np.load(tmp_path / name)["sprites"]

    first = sprites(0, "a.npz")
    assert np.array_equal(first, sprites(0, "b.npz"))
    assert not np.array_equal(first, sprites(1, "c.npz"))
    alone = sprites(0, "d.npz", "--categories", "bar")  # what else is drawn does not matter
    assert np.abs(alone.astype(int) - first[2:]).max() <= 1


@pytest.mark.parametrize(
    "args, words",
    [
        (["--categories", "baar"], ["'baar'", "did you mean 'bar'"]),
        (["--count", "-1"], ["--count", "-1"]),
        (["--guidance", "nan"], ["--guidance", "nan"]),
        (["--steps", "0"], ["steps", "0"]),
        (["--categories", "bar", "bar"], ["--categories", "bar twice"]),
        (["--out", "grid.jpg"], ["--out", ".png"]),
        (["--npz", "no/such/s.npz"], ["--npz", "no folder"]),
        (["--device", "cuda"], ["--device", "cpu"]),
        (["--palette", "none.hex"], ["none.hex", "no such file", ".gpl"]),
        (["--palette", "300"], ["300", "1 to 256"]),
        (["--colours", "0"], ["colours", "positive", "0"]),
        (["--indexed"], ["--indexed", "--png-folder"]),
        (["--indexed", "--png-folder", "p", "--palette", "none"], ["--indexed", "--palette or --colours"]),
    ],
    ids=lambda a: " ".join(a),
)
def test_mistakes_in_sampling(trained, tmp_path, args, words):
    assert_one_line_error(run("sample", trained[0], *args, cwd=tmp_path), *words)
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_there_or_foreign(trained, tmp_path):
    assert_one_line_error(run("sample", tmp_path / "none"), "none", "run folder")
    assert_one_line_error(run("sample", tmp_path), "model.safetensors")
    (tmp_path / "m.safetensors").write_bytes(b"not a model")
    assert_one_line_error(run("sample", tmp_path / "m.safetensors"), "m.safetensors")


def test_mistakes_in_training(trained, tmp_path, empty_toml):
    folder, data, _ = trained
    here = ("--out", tmp_path / "run")
    assert_one_line_error(run("train", empty_toml, "--data", tmp_path / "none", *here), "none")
    assert_one_line_error(run("train", empty_toml, "--data", data, *here, "--size", 16), "8x8", "16x16", "--resize")
    assert_one_line_error(run("train", tmp_path / "none.toml", "--data", data, *here), "none.toml")
    assert_one_line_error(run("train", empty_toml, "--data", data, *here, "--resume"), "nothing to resume")
    assert_one_line_error(
        run("train", empty_toml, "--data", data, *here, "--diffusion.prediction", "eps",
            "--diffusion.zero-terminal-snr"), "eps", "zero terminal SNR",
    )  # fmt: skip
    assert_one_line_error(run("train", empty_toml, "--data", data, *here, "--palette", "300"), "300", "1 to 256")
    assert_one_line_error(run("train", empty_toml, "--data", data, *here, "--palette", "my.hex"), "my.hex", "no such")
    assert_one_line_error(
        run("train", empty_toml, "--data", data, *here, "--palette", "none", "--diffusion.prediction", "colours"),
        "colours needs a palette", "--palette FILE",
    )  # fmt: skip
    assert not (tmp_path / "run").exists()
    assert_one_line_error(run("train", empty_toml, "--data", data, "--out", folder), "already holds a run", "--resume")
    assert_one_line_error(
        run("train", empty_toml, "--data", data, "--out", folder, "--seed", 9, "--resume", *FAST), "seed was 0, now 9"
    )
    other = tmp_path / "settings.txt"
    other.write_text("stepz = 3")
    assert_one_line_error(run("train", other, "--data", data, *here), "settings.txt", ".toml")


def test_a_run_that_diverged_may_resume_with_another_rate_but_not_with_other_categories(trained, tmp_path, empty_toml):
    folder, data, _ = trained
    run_folder, data_copy = tmp_path / "run", tmp_path / "data"
    shutil.copytree(folder, run_folder)
    shutil.copytree(data, data_copy)
    config = run_folder / "config.toml"
    config.write_text(config.read_text().replace(str(data), str(data_copy)))
    args = (empty_toml, "--data", data_copy, "--out", run_folder, "--steps", 5, *FAST, "--resume")
    assert run("train", *args, "--optim.lr", 1e-4).returncode == 0
    (data_copy / "categories.json").write_text('["bar", "square"]')
    assert_one_line_error(run("train", *args), "(square, bar)", "now", "8x8 RGBA in 2 categories (bar, square)")


def test_an_unknown_flag_exits_with_2_and_names_the_nearest(empty_toml):
    result = run("train", empty_toml, "--stpes", 3)
    assert result.returncode == 2 and "--steps" in result.stderr and "Traceback" not in result.stderr


def wait_for_checkpoint(folder, step, process):
    """Wait until a process that trains into the folder has written a checkpoint of `step` or later."""
    deadline = time.monotonic() + 120
    while max((int(f.stem[-8:]) for f in folder.glob("checkpoints/step_*.safetensors")), default=-1) < step:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_saves_and_goes_on(tmp_path, empty_toml, number):
    data = write_npy(tmp_path / "data", *tiny_sprites(40, 8, 3))
    args = (empty_toml, "--data", data, "--out", tmp_path / "run", "--steps", 80, *FAST, "--log.checkpoint", 5)
    process = start(command("train", *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_checkpoint(tmp_path / "run", 10, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "go on with --resume" in out and "Traceback" not in err
    assert (tmp_path / "run" / "model.safetensors").exists()
    saved = max((tmp_path / "run" / "checkpoints").glob("*.safetensors"))
    assert 10 <= int(saved.stem[-8:]) < 80

    resumed = run("train", *args, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"step {int(saved.stem[-8:])}" in resumed.stdout
    steps = [e.step for e in EventAccumulator(str(tmp_path / "run" / "tb")).Reload().Scalars("loss/train")]
    assert steps == sorted(set(steps)) and steps[-1] == 80


def test_a_killed_run_can_be_resumed_even_before_its_first_interval(tmp_path, empty_toml):
    data = write_npy(tmp_path / "data", *tiny_sprites(40, 8, 3))
    args = (empty_toml, "--data", data, "--out", tmp_path / "run", "--steps", 30, *FAST)
    process = start(command("train", *args), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_checkpoint(tmp_path / "run", 0, process)
    process.kill()
    process.wait()
    resumed = run("train", *args, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "step 0" in resumed.stdout and "done" in resumed.stdout


@pytest.fixture(scope="module")
def swept(trained, tmp_path_factory):
    """A sweep of that run, with everything that it writes."""
    folder, data, _ = trained
    out = tmp_path_factory.mktemp("swept")
    options = ("--guidance", 0, 1, 2, "--per-category", 6, "--steps", 2, "--out", out, "--judges", out / "judges")
    return out, run("sweep", folder, "--data", data, *options), options


def test_sweep_measures_and_writes_the_table(swept, trained):
    out, result, options = swept
    assert result.returncode == 0, result.stderr
    assert (out / "sweep.txt").read_text() in result.stdout
    report = json.loads((out / "sweep.json").read_text())
    names = [r["name"] for r in report["rows"]]
    assert names == ["training", "blurred", "shuffled", "s = 0", "s = 1", "s = 2"]  # three held out are too few
    assert [r["sprites"] for r in report["rows"]] == [12] * 6
    assert report["rows"][0]["figures"]["copies"] == 1
    assert {c["use"] for c in report["choices"]} == {"most faithful", "most diverse", "balanced"}
    assert all(c["guidance"] in (1, 2) for c in report["choices"])
    pictures = {p.name for p in out.glob("*.png")}
    assert pictures == {"curves.png", "gaps.png", "pairs.png", "grid_s0.png", "grid_s1.png", "grid_s2.png"}
    (kept,) = (out / "judges").iterdir()
    before, time_kept = (out / "sweep.json").read_text(), kept.stat().st_mtime_ns
    assert run("sweep", trained[0], "--data", trained[1], *options).returncode == 0
    assert (out / "sweep.json").read_text() == before and kept.stat().st_mtime_ns == time_kept
    events = EventAccumulator(str(out / "tb")).Reload()
    assert {"sweep/curves", "sweep/pairs", "sweep/grid s = 2"} <= set(events.Tags()["images"])
    assert len(list((out / "tb").glob("events*"))) == 1  # a second sweep replaces the first
    assert (out / "tb" / "projector_config.pbtxt").exists()


def test_sweep_refuses_other_data(trained, tmp_path):
    data = write_npy(tmp_path / "rgb", *tiny_sprites(40, 8, 3))
    assert_one_line_error(run("sweep", trained[0], "--data", data), "square, bar", "channels")


@pytest.mark.parametrize(
    "args, words",
    [
        (["--guidance", "1", "nan"], ["--guidance", "finite"]),
        (["--seed", "-1"], ["seed must not be negative", "-1"]),
        (["--per-category", "0"], ["--per-category", "0"]),
        (["--weak", "x.safetensors"], ["--weak x.safetensors", "--form auto"]),
        (["--form", "cfg+auto"], ["cfg and auto"]),
        (["--steps", "2000"], ["1000 timesteps", "2000"]),
    ],
)
def test_mistakes_in_sweeping(trained, tmp_path, args, words):
    folder, data, _ = trained
    result = run("sweep", folder, "--data", data, "--out", tmp_path / "c", "--judges", tmp_path / "j", *args)
    assert_one_line_error(result, *words)
    assert not list(tmp_path.iterdir())


def test_a_sweep_does_not_write_over_a_training_run(trained):
    folder, data, _ = trained
    assert_one_line_error(run("sweep", folder, "--data", data, "--out", folder), str(folder), "training run")
    assert list((folder / "tb").glob("events*"))


def test_compare_puts_forms_and_samplers_side_by_side(trained, tmp_path):
    folder, data, _ = trained
    options = ("--forms", "cfg", "auto", "--samplers", "dpmpp_2m:2", "heun:2:log_snr", "--per-category", 4)
    result = run("compare", folder, "--data", data, *options, "--out", tmp_path / "c")
    assert result.returncode == 0, result.stderr
    rows = json.loads((tmp_path / "c" / "compare.json").read_text())["rows"]
    combinations = [f"{form} {sampler} s=2" for form in ("cfg", "auto") for sampler in options[4:6]]
    assert [r["name"] for r in rows] == combinations
    assert Image.open(tmp_path / "c" / "compare.png").width > 400


def test_ways_to_few_colours_are_put_side_by_side(trained, tmp_path):
    folder, data, _ = trained
    options = ("--colours", 2, "--per-category", 6, "--count", 2, "--out", tmp_path / "p")
    result = run("palettes", folder, "--data", data, *options)
    assert result.returncode == 0, result.stderr
    rows = {r["name"]: r["figures"] for r in json.loads((tmp_path / "p" / "palettes.json").read_text())["rows"]}
    assert list(rows) == ["as it comes", "Pillow, 2 each", "--colours 2", "snapped to 2", "--palette 2"]
    assert all(found["colours"] <= 2 for name, found in rows.items() if name != "as it comes")
    assert {p.name for p in (tmp_path / "p").iterdir()} == {f"palettes.{end}" for end in ("txt", "md", "json", "png")}
    assert_one_line_error(run("palettes", folder, "--data", data, "--colours", 0), "--colours", "1 to 256", "0")


@pytest.mark.parametrize(
    "args, words",
    [
        (["--samplers", "heun"], ["sampler 'heun'", "dpmpp_2m", ":STEPS"]),
        (["--samplers", "heun:5:karas"], ["heun:5:karas", "karras"]),
        (["--forms", "rescal=0.5"], ["'rescal'", "did you mean 'rescale'"]),
        (["--guidance", 2, 2], ["--guidance", "different"]),
        (["--forms", "cfg", "cfg"], ["forms", "different"]),
        (["--per-category", 2, "--count", 2], ["4 sampled sprites are too few", "5 nearest neighbours"]),
        (["--per-category", 2], ["--count must be from 1 to --per-category, got 4 and 2"]),
        (["--samplers", "ddpm:2000"], ["1000 timesteps", "2000"]),
    ],
)
def test_mistakes_in_comparing(trained, tmp_path, args, words):
    folder, data, _ = trained
    result = run("compare", folder, "--data", data, "--out", tmp_path / "c", *args)
    assert_one_line_error(result, *words)
    assert not (tmp_path / "c").exists()


def test_sums_negative_contexts_and_forms_of_guidance(trained, tmp_path):
    def sprites(*args):
        result = run("sample", trained[0], *args, "--count", 2, "--steps", 2, "--precision", "fp32", "--out",
                     tmp_path / "g.png", "--npz", tmp_path / "s.npz", "--overwrite")  # fmt: skip
        assert result.returncode == 0, result.stderr
        return np.load(tmp_path / "s.npz")

    plain = sprites("--categories", "bar", "bar + 0.5 square - 0.5 square", "1 bar", "--guidance", 3)
    assert plain["labels"].tolist() == [1] * 6
    assert np.abs(np.diff(plain["sprites"].reshape(3, 2, 8, 8, 4).astype(int), axis=0)).max() <= 1
    away = sprites("--categories", "bar - 2 square", "--negative", "square", "--form", "rescale+threshold")
    assert away["labels"].tolist() == [1] * 8
    sprites("--form", "auto+interval+apg", "--grid", "karras", "--sampler", "dpmpp_2m_sde")


def test_scripts_only_call_main():
    for path in (ROOT / "scripts").glob("*.py"):
        _, system, imported, guarded = ast.parse(path.read_text()).body  # after the docstring
        assert ast.unparse(system) == "import sys"
        assert re.fullmatch(r"from ddpm\.commands\.[\w.]+ import main", ast.unparse(imported))
        assert ast.unparse(guarded) == "if __name__ == '__main__':\n    sys.exit(main())"
