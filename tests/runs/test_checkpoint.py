"""Model files and checkpoints: read back as written, and refused by name if they are anything else."""

import dataclasses
import os
import random

import pytest
import torch
from safetensors.torch import save_file

from ddpm.config import DiffusionConfig, ModelConfig, OptimConfig, Sampling
from ddpm.runs.checkpoints import checkpoints, make_state, restore, save_checkpoint
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import FORMAT, read_safetensors, write_safetensors
from ddpm.sampling import Sampler
from ddpm.system.settings import to_dict
from ddpm.training.optim import Optimizers


@pytest.fixture
def spec():
    return ModelSpec(12, 4, ("hero", "food", "spell"), ModelConfig((16, 32), 1, (1,), 1), DiffusionConfig(timesteps=17))


def randomise(model):
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return model


def test_a_model_file_describes_itself(tmp_path, spec):
    model = randomise(spec.build()).eval()
    save_model(tmp_path / "m.safetensors", model, spec, step=5)
    loaded, loaded_spec = load_model(tmp_path / "m.safetensors")
    assert loaded_spec == spec
    args = torch.randn(2, 4, 12, 12), torch.tensor([3, 16]), torch.eye(3)[:2]
    assert torch.equal(model(*args), loaded(*args))
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())


def test_what_a_file_of_the_first_versions_leaves_open_means_what_it_meant_then(tmp_path, spec):
    """Patches of size / 16, and v as it was, where a new model of this size would predict x0 without patches."""
    then = DiffusionConfig(timesteps=17, prediction="v", loss_weight="none", log_snr_shift=0.0)
    spec = dataclasses.replace(spec, size=32, model=dataclasses.replace(spec.model, patch=2), diffusion=then)
    old = to_dict(spec)
    del old["model"]["patch"], old["model"]["separable"], old["diffusion"]["log_snr_shift"]
    old["diffusion"]["prediction"] = "auto"
    write_safetensors(tmp_path / "m.safetensors", randomise(spec.build()).state_dict(), {"spec": old, "step": 5})
    assert load_model(tmp_path / "m.safetensors")[1] == spec
    now = ModelSpec(32, 4, spec.categories, ModelConfig(), DiffusionConfig())
    assert (now.model.patch, now.prediction) == (1, "x0") and now.diffusion.log_snr_shift < 0


def test_a_model_file_from_before_palettes_is_one_of_v_without_any(tmp_path, spec):
    old = to_dict(dataclasses.replace(spec, diffusion=DiffusionConfig(timesteps=17, prediction="v")))
    assert {"palette", "style"} & old.keys() <= {"palette"}
    old.pop("palette")  # what the files of old have not
    model = randomise(spec.build()).eval()
    write_safetensors(tmp_path / "m.safetensors", model.state_dict(), {"spec": old, "step": 5})
    loaded, found = load_model(tmp_path / "m.safetensors")
    assert found.prediction == "v" and found.palette == () and found.style is None
    x, _ = Sampler(loaded, found, Sampling(steps=2, precision="fp32")).per_category(2.0, 2)
    assert x.isfinite().all() and len(x.unique()) > 100  # as they come, of no palette


def train_steps(model, optimizers, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        x = torch.randn(3, 4, 8, 8, generator=generator)
        model(x, torch.tensor([1, 2, 3]), torch.eye(3)).square().mean().backward()
        optimizers.step(1.0)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_training_goes_on_bit_for_bit_from_a_checkpoint(tmp_path, spec, kind):
    def fresh():
        torch.manual_seed(1)
        model = randomise(spec.build())
        return model, Optimizers(model, OptimConfig(optimizer=kind, lr=1e-2))

    model, optimizers = fresh()
    train_steps(model, optimizers, 3, seed=0)
    path = save_checkpoint(tmp_path, {"step": 3}, {"model": model}, optimizers.parts, keep=2)
    train_steps(model, optimizers, 2, seed=1)

    other, other_optimizers = fresh()
    tensors, about = read_safetensors(path)
    assert about == {"step": 3}
    restore(tensors, {"model": other}, other_optimizers.parts, begun=True)
    train_steps(other, other_optimizers, 2, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_state_that_is_made_to_be_filled_changes_nothing_else(spec, kind):
    model = randomise(spec.build())
    before = [p.detach().clone() for p in model.parameters()]
    for name, optimizer in Optimizers(model, OptimConfig(optimizer=kind, weight_decay=0.5)).parts.items():
        rates = [group["lr"] for group in optimizer.param_groups]
        make_state(optimizer)
        assert [group["lr"] for group in optimizer.param_groups] == rates
        for p in (p for group in optimizer.param_groups for p in group["params"]):
            assert p.grad is None
            assert (
                set(optimizer.state[p])
                == {"adamw": {"step", "exp_avg", "exp_avg_sq"}, "muon": {"momentum_buffer"}}[name.rstrip("0123")]
            )
    assert all(map(torch.equal, before, model.parameters()))


def test_only_the_newest_are_kept(tmp_path, spec):
    model = spec.build()
    optimizers = {"adamw": torch.optim.AdamW(model.parameters())}
    for step in (9, 10, 100, 101):
        save_checkpoint(tmp_path, {"step": step}, {"model": model}, optimizers, keep=2)
    assert [p.name for p in checkpoints(tmp_path)] == ["step_00000100.safetensors", "step_00000101.safetensors"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"x": torch.ones(2)}, {})
    before = path.read_bytes()

    def full_disk(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_safetensors(path, {"x": torch.zeros(2)}, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.safetensors"]


def test_files_that_are_no_model_are_refused_by_name(tmp_path, spec):
    whole = tmp_path / "whole.safetensors"
    save_model(whole, spec.build(), spec, 1)
    (tmp_path / "torn.safetensors").write_bytes(whole.read_bytes()[:-100])
    (tmp_path / "text.safetensors").write_text("hello")
    save_file({"x": torch.ones(1)}, tmp_path / "foreign.safetensors")
    write_safetensors(tmp_path / "other.safetensors", {"x": torch.ones(1)}, {"step": 1})
    wrong = ModelSpec(12, 3, spec.categories, spec.model, spec.diffusion)
    write_safetensors(tmp_path / "misfit.safetensors", wrong.build().state_dict(), other(spec, None))
    for name in ("torn", "text", "foreign", "other", "misfit", "missing"):
        with pytest.raises(ValueError, match=name):
            load_model(tmp_path / f"{name}.safetensors")
    with pytest.raises(ValueError, match=r"holds no model\.safetensors"):
        load_model(tmp_path)


def other(spec, part, **changes):
    """The description of a network with some of its settings changed, unchecked as in a file from anyone."""
    described = to_dict(spec)
    (described[part] if part else described).update(changes)
    return {"spec": described, "step": 1}


BIAS = "stem.bias"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda s, t: (t, other(s, "model", widths=[8192] * 8, blocks=8)), "lacks weights"),
        (lambda s, t: (t, other(s, "model", widths=[2**40])), "widths must be between 8 and 8,192"),
        (lambda s, t: (t, other(s, "model", blocks=10**12)), "blocks must be between"),
        (lambda s, t: (t, other(s, "model", patch=10**9)), "patch must be between"),
        (lambda s, t: (t, other(s, "diffusion", timesteps=10**13)), "timesteps must be between"),
        (lambda s, t: (t, other(s, None, size=-4)), "sprites of -4 pixels"),
        (lambda s, t: (t, other(s, None, categories=["hero", "hero", "food"])), "'hero' is listed twice"),
        (
            lambda s, t: (t, other(s, None, categories="hero")),
            "categories must be a list of texts in quotes, got 'hero'",
        ),
        (lambda s, t: (t, other(s, None, shellcode=1)), "unknown setting 'shellcode'"),
        (lambda s, t: (t | {BIAS: t[BIAS].double()}, other(s, None)), r"stem.bias is float64 \[16\], exp"),
        (lambda s, t: (t | {BIAS: t[BIAS][:3]}, other(s, None)), r"stem.bias is float32 \[3\], expected"),
        (lambda s, t: (t | {"a\nb" * 99: t[BIAS].clone()}, other(s, None)), r"unknown weights .* 'a\\nba"),
        (lambda s, t: ({k: t[k] for k in t if k != BIAS}, other(s, None)), "lacks weights .* 'stem.bias'"),
        (lambda s, t: (t, {"spec": 3}), "expected settings by name, got 3"),
        (lambda s, t: (t, []), "describes nothing"),
    ],
)
def test_a_model_file_from_a_stranger_is_refused_with_a_reason(tmp_path, spec, changed, reason):
    path = tmp_path / "model.safetensors"
    write_safetensors(path, *changed(spec, spec.build().state_dict()))
    with pytest.raises(ValueError, match=reason) as error:
        load_model(path)
    assert path.name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("header", ["[" * 200_000, "9" * 5000, "{", "[]", "null", '{"format": "' + FORMAT + '"}'])
def test_a_header_that_makes_no_sense_is_refused(tmp_path, header):
    path = tmp_path / "header.safetensors"
    save_file({"x": torch.ones(1)}, path, {"header": header})
    with pytest.raises(ValueError, match=r"header\.safetensors"):
        load_model(path)


def test_every_flipped_bit_is_found(tmp_path, spec):
    path = tmp_path / "m.safetensors"
    save_model(path, randomise(spec.build()), spec, 1)
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(60):
        bit = rng.randrange(8 * len(whole))
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"m\.safetensors"):
            load_model(path)


def test_a_checkpoint_of_another_network_is_refused(tmp_path, spec):
    model = spec.build()
    path = save_checkpoint(
        tmp_path, {"step": 1}, {"model": model}, {"adamw": torch.optim.AdamW(model.parameters())}, keep=1
    )
    other = ModelSpec(12, 4, spec.categories, ModelConfig((8, 32), 1, (1,)), spec.diffusion).build()
    with pytest.raises(ValueError, match="does not fit"):
        optimizers = {"adamw": torch.optim.AdamW(other.parameters())}
        restore(read_safetensors(path)[0], {"model": other}, optimizers, begun=False)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda name, tensor: {name: tensor.sum()},  # of no dimension: fused kernels would read and write past its end
        lambda name, tensor: {name: tensor.flatten()[:-1]},
        lambda name, tensor: {},
        lambda name, tensor: {name: tensor, f"{name}_more": tensor},
        lambda name, tensor: {name: tensor, "0.nothing": tensor},
        lambda name, tensor: {name: tensor, "stray": tensor},
    ],
)
def test_a_state_of_training_that_does_not_fit_is_refused(tmp_path, spec, kind, spoil):
    model = spec.build()
    optimizers = Optimizers(model, OptimConfig(optimizer="muon"))
    train_steps(model, optimizers, 1, seed=0)
    tensors, _ = read_safetensors(save_checkpoint(tmp_path, {"step": 1}, {"model": model}, optimizers.parts, keep=1))
    restore(tensors, {"model": model}, optimizers.parts, begun=True)
    name = next(k for k, v in tensors.items() if k.startswith(kind) and v.numel() > 1)
    spoilt = {k: v for k, v in tensors.items() if k != name} | spoil(name, tensors[name])
    with pytest.raises(ValueError, match="does not fit"):
        restore(spoilt, {"model": model}, optimizers.parts, begun=True)
    with pytest.raises(ValueError, match="does not fit"):
        restore(tensors, {"model": model}, optimizers.parts, begun=False)
