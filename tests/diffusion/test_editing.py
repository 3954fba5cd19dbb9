"""Editing against closed forms: what stays to the bit, which way known pixels go, and DDIM run backwards."""

import numpy as np
import pytest
import torch
from conftest import untrained

from ddpm.config import DiffusionConfig, ModelConfig, Sampling
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_tensor, to_uint8
from ddpm.diffusion.editing import Change, From, inverted, keeping, level, opaque, slerp
from ddpm.diffusion.samplers import SAMPLERS, SampleNoise
from ddpm.diffusion.schedule import make_schedule, trailing_timesteps
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler

SCHEDULE = make_schedule("cosine", 1000)
STD = 0.4


def gaussian(x_t, t):
    """The ideal denoiser of data that is N(0, STD^2) in each pixel."""
    alpha, sigma = SCHEDULE.at(t, x_t)
    return alpha * STD**2 / (alpha**2 * STD**2 + sigma**2) * x_t


@pytest.fixture(scope="module")
def sampler():
    """Of an untrained network of 8x8 RGBA, with a palette, so that all that happens to a sprite does."""
    spec = ModelSpec(
        8,
        4,
        ("a", "b"),
        ModelConfig(widths=(16,), attention=()),
        DiffusionConfig(),
        palette=("101010", "d19b62", "30a0ff"),
    )
    return Sampler(untrained(spec), spec, Sampling(steps=3, precision="fp32"))


def hard_sprites(n: int, seed: int = 0) -> np.ndarray:
    """uint8 [n, 8, 8, 4] of any colours, transparent pixels black."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 8, 8, 4), np.uint8)
    pixels[..., 3] = 255 * rng.integers(0, 2, (n, 8, 8))
    return pixels * (pixels[..., 3:] > 0)


@pytest.mark.parametrize("strength, n", ((1.0, 900), (0.3, 100)))
def test_what_is_outside_a_mask_stays_to_the_bit(sampler, strength, n):
    images, share = hard_sprites(n), torch.linspace(0, 1, n).view(-1, 1, 1, 1)
    masks = torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(1)) < share
    condition = Condition.of(sampler.spec.contexts()[torch.arange(n) % 2])
    x = sampler(condition, 2.0, range(n), edit=Change(to_tensor(images), strength, masks))
    same, inside = (to_uint8(x) == images).all(-1), masks[:, 0].numpy()
    assert same[~inside].all() and not same[inside].all()


def test_strength_0_gives_the_sprite_and_1_is_free(sampler):
    images = hard_sprites(6)
    condition, edit = Condition.of(sampler.spec.contexts().repeat(3, 1)), Change(to_tensor(images), 0)
    assert np.array_equal(to_uint8(sampler(condition, 2.0, range(6), edit=edit)), images)
    free = sampler(condition, 2.0, range(6), edit=Change(to_tensor(images), 1))
    assert torch.equal(free, sampler(condition, 2.0, range(6)))


def test_levels_rise_with_the_strength():
    levels = [level(s, SCHEDULE) for s in np.linspace(0, 1, 21)]
    assert levels[0] == -1 and levels[-1] == 999 and levels == sorted(set(levels))
    # In the middle alpha = sigma, and the strengths are even in log-SNR.
    assert SCHEDULE.log_snr[level(0.5, SCHEDULE)].abs() < 0.01
    steps = SCHEDULE.log_snr[levels[1:-1]].diff()
    assert (steps / steps.mean() - 1).abs().max() < 0.1


@pytest.mark.parametrize("strength", (-0.1, 1.1, float("nan")))
def test_a_strength_is_a_share(strength):
    with pytest.raises(ValueError, match="from 0"):
        Change(torch.zeros(1, 3, 2, 2), strength)


@pytest.mark.parametrize("name", SAMPLERS)
def test_known_pixels_go_along_the_diffusion(name):
    """Outside the mask x_t is alpha x0 + sigma eps at every step, eps being that of the start where none is added."""
    g = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 4096, 3, 1, 1, generator=g, dtype=torch.float64)
    mask = torch.zeros(4096, 1, 1, 1, dtype=torch.bool)
    timesteps, seen = trailing_timesteps(1000, 6), []
    noise = SampleNoise(0, range(4096))
    SAMPLERS[name](
        keeping(gaussian, x0, mask), SCHEDULE.add_noise(x0, eps, timesteps[:1]), timesteps, SCHEDULE, noise,
        lambda step, x_t, x0_hat: seen.append(x_t),
    )  # fmt: skip
    for t, x_t in zip(timesteps, seen, strict=True):
        alpha, sigma = SCHEDULE.at(t[None], x0)
        left = (x_t - alpha * x0) / sigma
        if name in ("ddim", "dpmpp_2m", "heun"):
            torch.testing.assert_close(left, eps)
        assert left.mean().abs() < 0.03 and (left.std() - 1).abs() < 0.03


def test_ddim_backwards():
    """From the noise that is found, DDIM comes back to where it was found from, and that noise is normal."""
    x0 = STD * torch.randn(400, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    timesteps, seen = trailing_timesteps(1000, 100), []
    x_T = inverted(gaussian, x0, timesteps, SCHEDULE, SampleNoise(0, range(400)))
    assert x_T.mean().abs() < 0.03 and (x_T.std() - 1).abs() < 0.03
    SAMPLERS["ddim"](gaussian, x_T, timesteps, SCHEDULE, None, lambda step, x_t, x0_hat: seen.append(x_t))
    first = SCHEDULE.add_noise(x0, SampleNoise(0, range(400))(x0.shape[1:]).double(), timesteps[-1:])
    torch.testing.assert_close(seen[-1], first, rtol=0, atol=2e-3)


def test_the_great_circle():
    a, b = torch.eye(2, 6, dtype=torch.float64).view(2, 1, 2, 3).split(1)
    share = torch.linspace(0, 1, 7, dtype=torch.float64)
    path = slerp(a.expand(7, -1, -1, -1), b.expand(7, -1, -1, -1), share).flatten(1)
    angle = share * torch.pi / 2
    torch.testing.assert_close(path[:, :2], torch.stack([angle.cos(), angle.sin()], 1))
    same = torch.randn(3, 2, 2)
    torch.testing.assert_close(slerp(same, same, torch.tensor([0.0, 0.3, 1.0])), same)


def test_given_noise_is_where_sampling_starts(sampler):
    """Those that a seed would give, given, give the sprites of that seed; the steps after them have their own."""
    condition, x_T = Condition.of(sampler.spec.contexts()), SampleNoise(0, [5, 6])((4, 8, 8))
    edit = From(x_T)
    assert torch.equal(sampler(condition, 1.0, [5, 6], edit=edit), sampler(condition, 1.0, [5, 6]))
    assert not torch.equal(sampler(condition, 1.0, [5, 6], edit=From(x_T.flip(0))), sampler(condition, 1.0, [5, 6]))


def test_an_opaque_sprite_stays_so():
    """The colour is that of the pixel where it is seen: premultiplied colour over alpha."""
    seen = torch.tensor([0.2, 0.6, 1.0])
    for alpha in (0.1, 0.5, 1.0):
        x = (torch.cat([seen * alpha, torch.tensor([alpha])]) * 2 - 1).view(1, 4, 1, 1)
        out = opaque(lambda x_t, t: x_t)(x, torch.zeros(1))
        torch.testing.assert_close((out.flatten() + 1) / 2, torch.tensor([0.2, 0.6, 1.0, 1.0]))
