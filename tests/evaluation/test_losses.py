"""scripts/losses.py: the loss of models at equal timesteps and noise."""

import numpy as np
import pytest
import torch
from conftest import assert_one_line_error, tiny_sprites, write_npy

from ddpm.commands.measure.losses import losses, scales
from ddpm.config import DiffusionConfig, ModelConfig, StudentConfig
from ddpm.data.tensors import to_tensor
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec

SPEC = ModelSpec(8, 4, ("square", "bar"), ModelConfig((16, 16)), DiffusionConfig(prediction="eps"))


@pytest.fixture
def model(tmp_path):
    save_model(tmp_path / "m.safetensors", SPEC.build(), SPEC, 1)
    return tmp_path / "m.safetensors"


def test_a_new_network_predicts_nothing_so_its_loss_is_the_mean_square_of_the_noise(run_here, model, tmp_path):
    images, labels = tiny_sprites(400, 8, 4)
    x0 = to_tensor(images)
    loss, quarter = losses(SPEC.build().eval(), SPEC, x0, SPEC.contexts()[labels], seed=3)
    again, _ = losses(SPEC.build().eval(), SPEC, x0.flip(0), SPEC.contexts()[labels], seed=3)
    assert torch.equal(loss, again)  # the same timesteps and noise, whatever the sprites
    assert abs(loss.mean() - 1) < 5 * (2 / x0.numel()) ** 0.5  # E eps^2 = 1, with a variance of 2 / n
    assert torch.bincount(quarter).tolist() == [100] * 4

    data = write_npy(tmp_path / "data", images, labels)
    result = run_here("losses", model, model, "--data", data, "--count", 100, "--seed", 5)
    assert result.returncode == 0, result.stderr
    first, second = (line.split()[1:] for line in result.stdout.splitlines()[1:3])
    assert first == second and first[:2] == ["eps", "100"]
    few = run_here("losses", model, "--data", data, "--count", 2)  # which leave quarters of the timesteps empty
    assert few.returncode == 0 and "nan" not in few.stdout, few.stdout
    assert np.isclose(np.mean(list(map(float, first[3:]))), float(first[2]), atol=2e-3)


class Says(torch.nn.Module):
    """Predicts an image for each category, a zero one without."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def forward(self, x, t, context):
        return torch.einsum("bv,vchw->bchw", context, self.images)


def test_a_model_that_makes_twice_as_much_of_a_category_as_there_is_has_half_the_scale():
    g = torch.Generator().manual_seed(0)
    means, labels = torch.randn(2, 4, 8, 8, generator=g), torch.arange(400) % 2
    x0 = means[labels] + torch.randn(400, 4, 8, 8, generator=g)
    spec = ModelSpec(8, 4, SPEC.categories, SPEC.model, DiffusionConfig(prediction="x0"))
    for factor in (1.0, 2.0):
        found = scales(Says(factor * means), spec, x0, spec.contexts()[labels], seed=1)
        assert np.allclose(found, 1 / factor, atol=0.03)  # five times 1 / sqrt(100 * 4 * 8 * 8)
    assert np.isnan(scales(Says(0 * means), spec, x0, spec.contexts()[labels], seed=1)).all()


def test_mistakes(run_here, model, tmp_path):
    images, labels = tiny_sprites(20, 8, 4)
    data = write_npy(tmp_path / "data", images, labels)
    assert_one_line_error(run_here("losses", "nowhere", "--data", data), "nowhere")
    assert_one_line_error(run_here("losses", model, "--data", tmp_path / "none"), "none")
    assert_one_line_error(run_here("losses", model, "--data", data, "--count", 0), "--count")
    (rgb := tmp_path / "rgb").mkdir()
    assert_one_line_error(run_here("losses", model, "--data", write_npy(rgb, images[..., :3], labels)), "3 channels")
    (other := tmp_path / "other").mkdir()
    write_npy(other, images, labels)
    (other / "categories.json").write_text('["circle", "bar"]')
    assert_one_line_error(run_here("losses", model, "--data", other), "circle", "square, bar")
    student = ModelSpec(8, 4, SPEC.categories, SPEC.model, SPEC.diffusion, StudentConfig((0, 2), 4))
    save_model(tmp_path / "s.safetensors", student.build(), student, 1)
    assert_one_line_error(run_here("losses", tmp_path / "s.safetensors", "--data", data), "teacher")
