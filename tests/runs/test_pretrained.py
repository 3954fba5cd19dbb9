"""The models that come along: found by name, as good as their card says, and how one becomes such."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, assert_one_line_error, run, tiny_sprites, write_npy

from ddpm.config import Config, load_config, to_toml
from ddpm.context.condition import Condition
from ddpm.data.loading import load_data
from ddpm.data.order import generator
from ddpm.data.stream import stream_of
from ddpm.data.tensors import to_tensor, to_uint8
from ddpm.diffusion.prediction import stratified_timesteps
from ddpm.evaluation.judge import JUDGES, Judge, fingerprint
from ddpm.runs.folder import judges_beside, results_of, run_of, trained_with
from ddpm.runs.models import PRETRAINED, found, load_model, pretrained
from ddpm.runs.tensor_files import read_safetensors
from ddpm.sampling import Sampler
from ddpm.training.batches import Batches
from sprites.colour import from_hexadecimals
from sprites.endless import GENERATORS

SHIPPED = PRETRAINED / "shipped"


@pytest.fixture(scope="module")
def shipped():
    return load_model("shipped")


def test_a_name_is_a_model_unless_there_is_such_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert found("shipped") == SHIPPED == run_of(Path("shipped")) and Path("shipped") in pretrained()
    assert results_of(Path("shipped")) == Path("runs/shipped") and judges_beside(Path("shipped")) == Path("runs/judges")
    (tmp_path / "shipped").mkdir()  # sprites of the user's own, say
    assert found("shipped") == SHIPPED
    shutil.copytree(SHIPPED, tmp_path / "shipped", dirs_exist_ok=True)
    assert found("shipped") == Path("shipped") == results_of(Path("shipped"))


def test_an_unknown_name_is_told_with_the_one_that_is_meant():
    with pytest.raises(ValueError, match=r"no file shiped; .* did you mean shipped\?"):
        load_model("shiped")


def test_they_take_little_room_in_half_precision():
    most = {"shipped": 8.0, "walks": 4.5, "base": 2.6}  # MB of 2**20 bytes, the first with its student
    for name, size in most.items():
        assert sum(f.stat().st_size for f in (PRETRAINED / name).rglob("*")) < size * 2**20
    for folder in pretrained().values():
        tensors, _ = read_safetensors(folder / "model.safetensors")
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}


def test_the_judge_of_the_shipped_set_comes_along(monkeypatch):
    """It is that of the run of `make demo`, and knows sprites that it was not trained on."""
    monkeypatch.setattr(Judge, "_train", None)
    judge = Judge(load_data(ROOT / "sprites", load_config(ROOT / "configs" / "demo.toml")))
    assert [file.stem for file in JUDGES.glob("*.safetensors")] == [fingerprint(judge.data, 0)]
    x, contexts = judge.data.validation()
    assert judge(x, contexts.argmax(1))["class_accuracy"] >= 0.99


def test_the_shipped_model_is_of_the_shipped_set_and_its_run(shipped):
    _, spec = shipped
    config = trained_with(Path("shipped"))
    data = load_data(ROOT / "sprites", config)
    assert (spec.size, spec.channels) == (16, 4) and list(spec.vocabulary.items()) == list(data.vocabulary.items())
    assert np.array_equal(from_hexadecimals(spec.palette), data.palette)
    written = load_config(ROOT / "configs" / "shipped.toml")
    assert config.hold_out == written.hold_out and config.model == written.model and config.endless == "drawn"


def test_the_shipped_model_knows_sprites_that_were_never_drawn_before(shipped, monkeypatch):
    """Its loss is what it was at the end of its training, and lower with tags than without."""
    monkeypatch.setattr("ddpm.data.stream.VOLUME", 1000)
    model, spec = shipped
    config = Config(tags=True, endless="drawn", seed=99)
    volume, rows = stream_of(load_data(ROOT / "sprites", config), config, 256, 0)(1)
    x, contexts = volume.batch(rows)[0], volume.contexts(rows)
    g = generator(0)
    t, eps = stratified_timesteps(len(x), 1000, g), torch.randn(x.shape, generator=g)
    diffusion = spec.build_diffusion()
    asked, free = (diffusion.loss(model, x, c, t, eps).mean().item() for c in (contexts, torch.zeros_like(contexts)))
    assert asked < 1.2 and free > 1.1 * asked


def test_the_shipped_model_keeps_to_its_palette(shipped):
    model, spec = shipped
    pixels = to_uint8(Sampler(model, spec)(Condition.of(spec.contexts()), 2.0, range(5)))
    opaque = pixels[pixels[..., 3] == 255][:, :3]
    assert len(opaque) > 200 and {*map(tuple, opaque)} <= {*map(tuple, from_hexadecimals(spec.palette))}


def test_the_base_knows_looks_that_it_never_saw():
    """It is that of its configuration, and its loss on others is what it was at the end of its training."""
    model, spec = load_model("base")
    config, written = trained_with(Path("base")), load_config(ROOT / "configs" / "base.toml")
    assert dataclasses.replace(config, size=None, out=written.out, model=written.model, log=written.log) == written
    x = to_tensor(GENERATORS["varied"](5, 500, spec.size)[0].images)
    g = generator(0)
    t, eps = stratified_timesteps(len(x), 1000, g), torch.randn(x.shape, generator=g)
    nothing = torch.zeros(len(x), spec.places)
    assert spec.build_diffusion().loss(model, x, nothing, t, eps).mean() < 0.18


def test_the_model_of_walks_walks():
    """The step that a frame is at tells more of it than another step would, and so do the frames before it."""
    model, spec = load_model("walks")
    assert spec.moving == ("side_facing",) and spec.model.frames == 4
    assert "wolf" in spec.moved["kind"] and "slime" not in spec.moved["kind"] and "frame" not in spec.moved
    config = Config(tags=True, endless="drawn", seed=98, clips=1.0, keep_history=1.0, keep_context=1.0)
    config = dataclasses.replace(config, model=spec.model, optim=dataclasses.replace(config.optim, batch=128))
    data = load_data(ROOT / "sprites", config)
    diffusion = spec.build_diffusion()
    batch, _ = Batches(config, data, spec, len(diffusion.schedule), torch.device("cpu"))(1)
    frames, alone = batch.frames, torch.eye(4, dtype=torch.bool)[None]
    ways = {
        "as it is": frames,
        "another step": dataclasses.replace(frames, position=(frames.position + 1) % 4),
        "without the past": dataclasses.replace(frames, sees=alone),
    }
    told = (batch.x0, batch.context, batch.t, batch.eps)
    loss = {name: diffusion.loss(model, *told, frames=way).mean().item() for name, way in ways.items()}
    assert loss["another step"] > 1.2 * loss["as it is"] and loss["without the past"] > 1.1 * loss["as it is"]


def test_publishing_halves_a_model_and_keeps_its_settings(tmp_path):
    model, spec = load_model("shipped")
    folder = tmp_path / "run"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("student"))
    config = dataclasses.replace(load_config(SHIPPED / "config.toml"), out=folder, data=tmp_path / "mine")
    (folder / "config.toml").write_text(to_toml(config))
    out = tmp_path / "out"
    told = run("publish", folder, "--out", out, "--precision", "bf16", "--count", 1)
    assert told.returncode == 0 and "of the pixels of 5 sprites differ" in told.stdout, told.stderr
    again, same = load_model(out)
    published = load_config(out / "config.toml")
    assert same == spec and published == dataclasses.replace(config, out=Path("run"), data=Path("mine"))
    assert str(tmp_path) not in (out / "config.toml").read_text()
    assert not load_config(SHIPPED / "config.toml").out.is_absolute()
    for a, b in zip(again.parameters(), model.parameters(), strict=True):
        assert torch.equal(a, b.bfloat16().float())
    assert_one_line_error(run("publish", folder, "--out", out), "is there already", "--overwrite")


def test_the_command_starts_from_it_and_says_what_it_takes(tmp_path):
    folder, out = write_npy(tmp_path / "data", *tiny_sprites(20, 16, 3)), tmp_path / "run"
    words = (ROOT / "configs" / "finetune.toml", "--data", folder, "--out", out, "--steps", 2, "--optim.batch", 4)
    words = (*words, "--log.count", 1, "--log.guidance", 1)
    told = run("train", *words)
    assert told.returncode == 0, told.stderr
    assert "from shipped: " in told.stdout and "taken over, 0 of 2 categories and tags by name" in told.stdout
    assert load_model(out)[1].model.widths == load_model("shipped")[1].model.widths
    again = run("train", *words, "--resume")
    assert again.returncode == 0 and "resuming from" in again.stdout, again.stderr
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes((SHIPPED / "model.safetensors").read_bytes()[:-1] + b"?")
    assert_one_line_error(run("train", *words, "--overwrite", "--from", damaged), "is damaged")


@pytest.mark.parametrize(
    "command, words",
    [("sample", ["shipped", "--guidance", "1", "--count", "1", "--steps", "2"]), ("animate", ["--count", "1"])],
)
def test_sprites_are_sampled_without_what_takes_longer_to_import(tmp_path, command, words):
    out = str(tmp_path / ("walk.gif" if command == "animate" else "grid.png"))
    code = f"import sys; from ddpm.commands.{command} import main; sys.argv = {['', *words, '--out', out]}; main(); "
    code += "print(sorted({'torch._dynamo', 'torchvision', 'scipy.ndimage', 'matplotlib'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]", result.stderr
    assert (tmp_path / Path(out).name).stat().st_size
