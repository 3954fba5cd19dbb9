"""A model as an ONNX file, run by onnxruntime, draws the sprites that PyTorch draws."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import ROOT

from ddpm.animation import Animator
from ddpm.commands.files import export_web, web_model
from ddpm.config import DiffusionConfig, ModelConfig, Sampling, StudentConfig
from ddpm.context.condition import Condition
from ddpm.data.pixel_art import Style
from ddpm.data.tensors import to_uint8
from ddpm.runs.models import load_model, save_model
from ddpm.runs.onnx_files import ExportedDenoiser, example, onnx_denoiser, to_onnx
from ddpm.runs.onnx_frames import ExportedFrame, frames_to_onnx, onnx_frames
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler

pytest.importorskip("onnxruntime")
MOST = 0.001  # share of pixels where rounding decides
SMALL = ModelConfig(widths=(8, 8), attention=(1,))
PLAIN = ModelSpec(10, 3, ("square", "bar"), SMALL, DiffusionConfig(prediction="v"))
TAGS = ModelSpec(
    8,
    4,
    ("hero", "food"),
    replace(SMALL, separable=(0,)),
    DiffusionConfig(),
    StudentConfig((0, 2), 4),
    facets={"kind": ("knight", "apple", "pie")},
    palette=("000000", "ff0000", "00ff00"),
)


def randomised(spec: ModelSpec) -> torch.nn.Module:
    """A network of this kind whose weights are all random numbers that float16 holds, so that nothing is zero."""
    g, model = torch.Generator().manual_seed(0), spec.build()
    for p in model.parameters():
        p.data = (0.3 * torch.randn(p.shape, generator=g) / max(1, p[0].numel()) ** 0.5).half().float()
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(PLAIN, id="categories in RGB, padded", marks=pytest.mark.slow),
        pytest.param(TAGS, id="student of tags"),
    ],
)
def test_the_graph_is_the_denoiser_at_any_batch_and_timestep(spec):
    model = randomised(spec)
    denoise = onnx_denoiser(to_onnx(model, spec))
    g = torch.Generator().manual_seed(1)
    for batch in (1, 5):
        inputs = example(spec, batch)
        inputs["x"] = torch.randn(inputs["x"].shape, generator=g)
        inputs["t"] = torch.randint(1000, (batch,), generator=g)
        inputs["context"][0, -1] = inputs["context"][-1, 0] = 1  # others ask for nothing
        expected = ExportedDenoiser(model, spec)(*inputs.values())
        assert expected.std() > 0.01
        torch.testing.assert_close(denoise(*inputs.values()), expected, atol=2e-5, rtol=1e-4)


@pytest.mark.slow
def test_a_network_of_frames_remembers_as_its_model_does():
    frames = ModelConfig(widths=(8, 8), attention=(0, 1), frames=3)
    some = {"moving": ("hero",), "palette": ("000000", "10c040", "d19b62", "ffffff")}
    spec = ModelSpec(8, 4, ("hero", "food"), frames, DiffusionConfig(), **some)
    model = randomised(spec)
    assert model.pointer.strength.any()
    data, sampling = frames_to_onnx(model, spec), Sampling(precision="fp32", steps=3)
    ours, theirs = (Animator(model, spec, sampling) for _ in range(2))
    theirs.guide.strong = onnx_frames(data, ExportedFrame(model, spec))
    condition, start = Condition.of(torch.tensor([[1.0, 0], [0, 0]])), torch.tensor([0, 2])
    first = torch.rand(2, 2, 4, 8, 8, generator=torch.Generator().manual_seed(2)).round() * 2 - 1
    for given in (None, first):  # longer than a cycle, so that the first are forgotten
        a, b = (animator(condition, 2.0, range(2), 5, given=given, start=start) for animator in (ours, theirs))
        torch.testing.assert_close(b, a, atol=1e-4, rtol=1e-4)
    assert (a[:, 2] != a[:, 4]).any()
    stills = ours.sampler(condition, 2.0, range(2))
    assert (ours(condition, 2.0, range(2), 5, start=start)[:, -1] - stills).abs().max() > 0.1


@pytest.mark.slow
def test_the_model_that_comes_along_draws_the_same_sprites():
    model, spec = load_model("shipped")
    ours, theirs = (Sampler(model, spec, Sampling(precision="fp32")) for _ in range(2))
    data = to_onnx(model, spec)
    theirs.guide.strong = onnx_denoiser(data)
    condition, scales = Condition.of(spec.contexts().repeat(2, 1)), torch.tensor([2.0, 0.0]).repeat_interleave(5)
    a, b = (to_uint8(sampler(condition, scales, range(len(scales)))) for sampler in (ours, theirs))
    assert len(np.unique(a, axis=0)) == len(a)
    assert (a != b).any(-1).mean() <= MOST
    weights = sum(p.numel() for p in model.parameters())
    assert 2 * weights < len(data) < 2.2 * weights  # float16


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A stand-in for the page's sources, with a runtime as npm would install it, and a small model with a student."""
    page, model = tmp_path / "web", tmp_path / "model"
    packages = page / "node_modules"
    for folder in (page / "src", model / "student"):
        folder.mkdir(parents=True)
    for name in ("index.html", "style.css", "src/main.js"):
        (page / name).write_text("page")
    (page / "sw.js").write_text((ROOT / "web" / "sw.js").read_text())
    for path in export_web.RUNTIME_FILES.values():
        (packages / path).parent.mkdir(parents=True, exist_ok=True)
        (packages / path).write_bytes(b"runtime")
    spec = ModelSpec(8, 3, ("square", "bar"), SMALL, DiffusionConfig(prediction="v"))
    spec = replace(spec, style=Style(9, 0.1, price=1.0))
    its = replace(spec, student=StudentConfig((0, 2), 4), style=Style(9, 0.1, price=1.5))  # each has a price of its own
    save_model(model / "model.safetensors", randomised(spec), spec, 1)
    save_model(model / "student" / "model.safetensors", randomised(its), its, 1)
    monkeypatch.setattr(export_web, "PAGE", page)
    monkeypatch.setattr(export_web, "PACKAGES", packages)
    for name in ("to_onnx", "frames_to_onnx"):
        monkeypatch.setattr(web_model, name, lambda model, spec: b"graph")  # made and looked into above
    for name in ("differing", "walks_differing"):
        monkeypatch.setattr(web_model, name, lambda model, spec, data: 0.0)
    return page, model


def exported(monkeypatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["export_web.py", *map(str, words)])
    return export_web.main()


def test_a_page_of_ones_own_model(sources, tmp_path, monkeypatch, capsys):
    page, model = sources
    out = tmp_path / "dist"
    assert exported(monkeypatch, model, "--out", out) == 0
    assert capsys.readouterr().out.count("0.00%") == 2
    about = json.loads((out / "model.json").read_text())
    assert about["size"] == 8 and about["vocabulary"] == {"category": ["square", "bar"]}
    teacher, student = about["networks"]["teacher"], about["networks"]["student"]
    assert teacher["way"]["timesteps"][0] == 999 and teacher["way"]["sigma"][-1] == 0 == teacher["way"]["eta"]
    assert student["guided"] and len(student["way"]["timesteps"]) == 2 and student["way"]["order"] == 1
    assert (teacher["colourPrice"], student["colourPrice"]) == (1.0, 1.5)
    kept = json.loads((out / "sw.js").read_text().split("const FILES = ")[1].split(";")[0])
    there = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert set(kept) == there - {"sw.js"} and all(len(digest) == 64 for digest in kept.values())

    # A second time only what changed is made anew, and the worker knows that something did.
    before, worker = (out / "teacher.onnx").stat().st_mtime_ns, (out / "sw.js").read_text()
    (page / "style.css").write_text("other")
    assert exported(monkeypatch, model, "--out", out, "--overwrite") == 0
    assert (out / "teacher.onnx").stat().st_mtime_ns == before and (out / "style.css").read_text() == "other"
    assert (out / "sw.js").read_text() != worker


def test_a_model_of_clips_walks_on_its_page_and_another_only_if_it_fits(sources, tmp_path, monkeypatch, capsys):
    _, model = sources
    clips, out = tmp_path / "clips", tmp_path / "dist"
    clips.mkdir()
    frames = ModelConfig(widths=(8, 8), attention=(1,), frames=3)
    spec = ModelSpec(8, 3, ("square", "bar"), frames, DiffusionConfig(prediction="v"), moving=("bar",))
    save_model(clips / "model.safetensors", randomised(spec), spec, 1)
    assert exported(monkeypatch, clips, "--out", out) == 0
    about = json.loads((out / "model.json").read_text())
    walks = about["walks"]
    assert walks["cycle"] == 3 and walks["moving"] == ["bar"] and walks["way"] == about["networks"]["teacher"]["way"]
    assert walks["memory"] == ExportedFrame(randomised(spec), spec).size and (out / "walks.onnx").exists()

    assert exported(monkeypatch, model, "--out", out, "--overwrite", "--walks", clips) == 0
    assert "walks" in json.loads((out / "model.json").read_text())
    assert exported(monkeypatch, model, "--out", out, "--overwrite") == 0  # the one that comes along draws others
    assert "walks" not in json.loads((out / "model.json").read_text()) and not (out / "walks.onnx").exists()
    for name, said in ((model, "stills alone"), ("walks", "is for 16x16")):
        assert exported(monkeypatch, model, "--out", tmp_path / "new", "--walks", name) == 2
        assert said in capsys.readouterr().err


def test_mistakes(sources, tmp_path, monkeypatch, capsys):
    page, model = sources

    def refused(*words: object) -> str:
        assert exported(monkeypatch, *words) == 2
        [line] = capsys.readouterr().err.splitlines()
        return line

    assert "no model" in refused(tmp_path / "none", "--out", tmp_path / "new")
    assert "--out is missing" in refused(model)
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    assert "other files" in refused(model, "--out", full) and [p.name for p in full.iterdir()] == ["notes.txt"]
    out = tmp_path / "dist"
    out.mkdir()
    for name in ("model.json", "sw.js"):
        (out / name).write_text("{}")
    assert "--overwrite" in refused(model, "--out", out)
    assert "is no student" in refused(model, "--out", tmp_path / "new", "--student", model)
    student = model / "student"
    assert "is a student itself" in refused(student, "--out", tmp_path / "new", "--student", student)
    other = tmp_path / "other"
    other.mkdir()
    spec = ModelSpec(8, 3, ("square",), SMALL, DiffusionConfig(prediction="v"), StudentConfig((0, 2), 4))
    save_model(other / "model.safetensors", randomised(spec), spec, 1)
    assert "of square" in refused(model, "--out", tmp_path / "new", "--student", other)
    monkeypatch.setattr("ddpm.runs.onnx_files.PACKAGES", ("no_such_package",))
    assert "pip install 'ddpm-sprites[web]'" in refused(model, "--out", tmp_path / "new")
    (page / "node_modules" / export_web.RUNTIME_FILES["gifenc.esm.js"]).unlink()
    assert "npm install" in refused(model, "--out", tmp_path / "new")
    (page / "index.html").unlink()
    assert "sources" in refused(model, "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()
