"""editing.py on a small set, and that its figures can tell what they are for."""

import json
import sys

import numpy as np
import pytest
import torch
from conftest import command_module, tiny_sprites, write_npy

from ddpm.commands.shared.edit_figures import around_border, region_masks, seam, textures
from ddpm.config import DiffusionConfig, ModelConfig
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec


def test_masks_mark_a_part():
    masks = region_masks(30, 16, 0)
    share = masks.float().mean((1, 2, 3))
    assert masks.shape == (30, 1, 16, 16) and share.min() > 0.03 and share.max() < 0.97
    assert not torch.equal(masks, region_masks(30, 16, 1))


def test_a_border_is_seen_from_both_sides():
    mask = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    mask[..., 8:] = True
    seen = around_border(torch.ones(1, 3, 16, 16), mask)
    assert seen[0, 0, 0].tolist() == seen[0, -1, 0].tolist() == [0.0] * 6 + [1.0] * 4 + [0.0] * 6


def test_a_seam_is_one():
    """Ground that goes round has none; the test's own textures have one."""
    angle = torch.arange(16) / 16 * 2 * torch.pi
    over, within = seam(angle.sin().expand(2, 3, 16, 16))
    assert over < 2 * within
    over, within = seam(textures(50, 16, torch.rand(40, 4) * 2 - 1, 0))
    assert over > 1.3 * within


@pytest.mark.filterwarnings("ignore")
def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys):
    data = write_npy(tmp_path / "data", *tiny_sprites(40, 8, 4))
    tiny, short = ModelConfig(widths=(16,), attention=()), DiffusionConfig(timesteps=50)
    spec = ModelSpec(8, 4, ("square", "bar"), tiny, short)
    torch.manual_seed(0)
    save_model(tmp_path / "model.safetensors", spec.build(), spec, 1)
    monkeypatch.setattr("ddpm.evaluation.classifier.TOLD_STEPS", 2)
    words = ["--data", data, "--count", 20, "--out", tmp_path / "found"]
    monkeypatch.setattr(sys, "argv", ["editing.py", str(tmp_path / "model.safetensors"), *map(str, words)])
    assert command_module("editing").main() == 0
    found = json.loads((tmp_path / "found" / "editing.json").read_text())
    assert [row["strength"] for row in found["likeness"]] == np.linspace(0, 1, 11).round(1).tolist()
    assert found["likeness"][0]["pixels that stay"] == 1 > found["likeness"][-1]["pixels that stay"]
    assert len(found["seams"]) == 4 and len(found["time"]) == 3
    assert {"likeness.png", "editing.md", "editing.json"} <= {p.name for p in (tmp_path / "found").iterdir()}
    assert "pixels that stay" in capsys.readouterr().out
