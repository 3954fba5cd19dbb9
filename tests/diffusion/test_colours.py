"""The prediction of colours against Bayes' rule written out, and the palette lock of sampling."""

import dataclasses

import pytest
import torch
from torch import nn

from ddpm.config import DiffusionConfig, ModelConfig, Sampling
from ddpm.context.condition import Condition
from ddpm.data.pixel_art import PixelArt, Style
from ddpm.data.tensors import to_tensor, to_uint8
from ddpm.diffusion.colours import Colours
from ddpm.diffusion.prediction import Diffusion
from ddpm.diffusion.projection import projected
from ddpm.diffusion.samplers import SampleNoise
from ddpm.diffusion.schedule import make_schedule, timestep_grid
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import PRICES, Sampler, priced
from ddpm.system.settings import from_dict, to_dict
from sprites.colour import codes, count_colours, from_hexadecimals, keeps_to, opaque, orphans

PALETTE = ("000000", "10c040", "d19b62", "d19b70", "ffffff")
T = 50


def close(a, b, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def sprites(channels: int = 4, n: int = 6, seed: int = 0) -> torch.Tensor:
    """x0 [n, channels, 4, 5] of the palette's colours."""
    table = Colours(PALETTE, channels).table
    index = torch.randint(0, len(table), (n, 4, 5), generator=torch.Generator().manual_seed(seed))
    return table[index].movedim(-1, 1)


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Says(nn.Module):
    """A network that gives the same output whatever it sees."""

    def __init__(self, output: torch.Tensor):
        super().__init__()
        self.output = output

    def forward(self, x, t, context):
        return self.output.expand(len(x), -1, *x.shape[-2:])


@pytest.mark.parametrize("channels", [3, 4])
def test_the_table_is_what_pixels_become(channels):
    colours = Colours(PALETTE, channels)
    rgb = from_hexadecimals(PALETTE)
    assert colours.table.shape == (len(PALETTE) + (channels == 4), channels) and len(colours) == len(colours.table)
    x0 = sprites(channels)
    close(colours.table[colours.index(x0)].movedim(-1, 1), x0, 0)
    pixels = to_uint8(x0)
    assert keeps_to(pixels, rgb).all()
    close(to_tensor(pixels), x0, 1e-6)


@pytest.mark.parametrize("channels", [3, 4])
def test_x0_hat_is_the_posterior_mean(channels):
    colours, schedule, x0 = Colours(PALETTE, channels), make_schedule("cosine", T), sprites(channels).double()
    t = torch.tensor([3, 10, 20, 30, 40, 49])  # of each sample its own
    x_t, (alpha, sigma) = schedule.add_noise(x0, normal(*x0.shape).double(), t), schedule.at(t, x0)
    prior = normal(6, len(colours), 4, 5, seed=2).double().log_softmax(1)  # in each pixel another
    table = colours.table.double()
    squares = (x_t[:, None] - alpha[:, None] * table[:, :, None, None]).square().sum(2)
    weights = prior.exp() * torch.exp(-(squares - squares.amin(1, keepdim=True)) / (2 * sigma**2))
    expected = torch.einsum("bkhw,kc->bchw", weights / weights.sum(1, keepdim=True), table)
    close(colours.expected(colours.logits(prior, x_t, alpha, sigma)), expected, 1e-9)


def test_pure_noise_says_nothing_and_a_clean_sprite_all():
    colours, x0 = Colours(PALETTE, 4), sprites()
    output = normal(6, 6, 4, 5)
    one, none = torch.ones(6, 1, 1, 1), torch.zeros(6, 1, 1, 1)
    close(colours.logits(output, normal(6, 4, 4, 5), none, one), output.movedim(1, -1))
    close(colours.expected(colours.logits(output, x0, one, none)), x0)


def test_a_perfect_network_has_no_loss_and_the_uninformed_one_the_entropy():
    colours, x0 = Colours(PALETTE, 4), sprites()
    sigma = torch.full((6, 1, 1, 1), 0.5)
    sure = 100 * nn.functional.one_hot(colours.index(x0), 6).float()
    close(colours.loss(sure, x0, sigma), torch.zeros(6))
    even = colours.loss(torch.zeros(6, 4, 5, 6), x0, sigma)
    error = (colours.table.mean(0)[:, None, None] - x0).square().flatten(1).mean(1)
    close(even, torch.log(torch.tensor(6.0)) + 12 * error / (0.25 + 0.01))


def test_loss_and_denoiser_of_a_diffusion():
    colours, schedule, x0, eps = Colours(PALETTE, 4), make_schedule("cosine", T), sprites(), normal(6, 4, 4, 5)
    diffusion, t, context = Diffusion(schedule, "colours", colours=colours), torch.arange(6) * 8, torch.zeros(6, 2)
    output = normal(1, 6, 4, 5, seed=3)
    x_t, (alpha, sigma) = schedule.add_noise(x0, eps, t), schedule.at(t, x0)
    logits = colours.logits(output, x_t, alpha, sigma)
    close(diffusion.loss(Says(output), x0, context, t, eps), colours.loss(logits, x0, sigma))
    close(diffusion.denoiser(Says(output))(x_t, t, context), colours.expected(logits))


def test_low_precision_of_the_network_leaves_the_density_exact():
    colours, x0 = Colours(PALETTE, 4), sprites()
    alpha, sigma = torch.full((6, 1, 1, 1), 0.9), torch.full((6, 1, 1, 1), 0.1)
    x_t = alpha * x0 + sigma * normal(*x0.shape)
    exact = colours.density(x_t, alpha, sigma)
    with torch.autocast("cpu", torch.bfloat16):
        inside = colours.density(x_t, alpha, sigma)
        close(colours.expected(inside), colours.expected(exact), 1e-6)
    close(inside, exact, 1e-6)


def spec_of(palette: tuple[str, ...] = PALETTE, prediction: str = "auto", channels: int = 4) -> ModelSpec:
    diffusion = DiffusionConfig(timesteps=T, prediction=prediction)
    return ModelSpec(8, channels, ("a", "b"), ModelConfig((8, 16), attention=()), diffusion, palette=palette)


def unlike(spec: ModelSpec) -> nn.Module:
    """A network of random weights, whose output is not zero."""
    torch.manual_seed(0)
    model = spec.build()
    nn.init.normal_(model.head.weight, std=0.3)
    return model.eval().requires_grad_(False)


def test_a_spec_resolves_what_is_predicted():
    assert spec_of().prediction == "colours" and len(spec_of().colours) == 6 and len(spec_of(channels=3).colours) == 5
    assert spec_of(()).prediction == "x0" and spec_of(()).colours is None
    assert spec_of(prediction="v").prediction == "v" and spec_of(prediction="v").build().head.out_channels == 4
    assert spec_of().build().head.out_channels == 6
    with pytest.raises(ValueError, match="needs a palette"):
        spec_of((), "colours")
    for wrong in (("red",), ("D19B62",), ("000000",) * 257):
        with pytest.raises(ValueError, match="a palette is up to 256 colours"):
            spec_of(wrong)


@pytest.mark.parametrize("prediction", ["colours", "v"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sampled_sprites_keep_to_the_palette_unasked(prediction, channels):
    spec = spec_of(prediction=prediction, channels=channels)
    x, _ = Sampler(unlike(spec), spec, Sampling(steps=4, precision="fp32")).per_category(2.0, 5)
    assert keeps_to(to_uint8(x), from_hexadecimals(PALETTE)).all()
    assert len(x.flatten(2).movedim(1, 2).reshape(-1, channels).unique(dim=0)) > 2  # not one colour for all
    raw, _ = Sampler(unlike(spec), spec, Sampling(steps=4, precision="fp32", palette="none")).per_category(2.0, 5)
    assert not keeps_to(to_uint8(raw), from_hexadecimals(PALETTE)).all()


def test_any_model_keeps_to_a_palette_that_is_asked_for(tmp_path):
    (tmp_path / "two.hex").write_text("203040\ne0d0c0\n")
    spec, two = spec_of(()), from_hexadecimals(("203040", "e0d0c0"))
    sampler = Sampler(unlike(spec), spec, Sampling(steps=6, palette=str(tmp_path / "two.hex"), precision="fp32"))
    x, _ = sampler.per_category(2.0, 5)
    assert keeps_to(to_uint8(x), two).all()
    condition = Condition.of(spec.contexts())
    close(sampler(condition, 2.0, [3, 4]), torch.cat([sampler(condition[[i]], 2.0, [3 + i]) for i in (0, 1)]), 0)


@pytest.mark.parametrize("count", [1, 3])
def test_a_palette_of_so_many_colours_is_the_same_for_every_batch(count):
    spec = spec_of(())
    sampling = Sampling(steps=3, palette=str(count), precision="fp32")
    first, second = (Sampler(unlike(spec), spec, sampling) for _ in range(2))
    assert (first.pixel_art.palette == second.pixel_art.palette).all() and len(first.pixel_art.palette) == count
    x, _ = first.per_category(1.0, 4)
    assert keeps_to(to_uint8(x), first.pixel_art.palette).all()


@pytest.mark.parametrize("palette", [(), PALETTE])
@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_sprite_has_at_most_so_many_colours(palette, most):
    spec = spec_of(palette)
    x, _ = Sampler(unlike(spec), spec, Sampling(steps=3, colours=most, precision="fp32")).per_category(2.0, 8)
    pixels = to_uint8(x)
    counts = [len({bytes(p[:3]) for p in sprite.reshape(-1, 4) if p[3]}) for sprite in pixels]
    assert max(counts) <= most and (most < 4 or max(counts) > 1)
    assert set(pixels[..., 3].flat) <= {0, 255}


def test_sprites_of_sure_pixels_stay_as_they_are():
    x = to_tensor(to_uint8(sprites(n=3)).repeat(2, 1))  # so that each colour has two pixels at least
    close(PixelArt(from_hexadecimals(PALETTE), orphans=0.0)(x), x, 0)
    assert PixelArt().is_raw and PixelArt()(x) is x


def test_what_is_not_finite_stays_so():
    x = torch.full((2, 4, 3, 3), torch.nan)
    assert PixelArt(from_hexadecimals(PALETTE))(x).isnan().all()


def test_a_colour_of_one_pixel_is_doubted_and_one_of_two_is_not():
    table, art = Colours(PALETTE, 3).table, PixelArt(from_hexadecimals(PALETTE))
    one = to_uint8(table[torch.tensor([[2, 2, 2], [2, 3, 2], [0, 0, 0]])].movedim(-1, 0)[None])[0]
    two = to_uint8(table[torch.tensor([[2, 2, 2], [3, 3, 2], [0, 0, 0]])].movedim(-1, 0)[None])[0]
    assert (art.sprite(one)[1, 1] == one[0, 0]).all() and (art.sprite(one)[2] == 0).all()
    assert (art.sprite(two) == two).all()


def test_the_style_of_a_set_is_the_bound_of_what_is_sampled():
    pixels, labels = to_uint8(sprites(n=200)), torch.arange(200).numpy() // 190
    style = Style.of(pixels, labels)
    assert style.colours == 5 and 0.2 < style.orphans < 0.6  # of noise
    counts = count_colours(pixels)
    assert style.usual == pytest.approx((counts[:190].mean() + counts[190:].mean()) / 2, abs=0.005)  # not by frequency
    assert Style.of(pixels[:1].repeat(9, 0), labels[:9]).orphans == pytest.approx(
        float(orphans(codes(pixels[:1])).sum()) / opaque(pixels[:1]).sum(), abs=1e-4
    )
    spec = dataclasses.replace(spec_of(), style=Style(2, 0.0))
    x, _ = Sampler(unlike(spec), spec, Sampling(steps=3, precision="fp32")).per_category(2.0, 8)
    assert count_colours(to_uint8(x)).max() <= 2
    assert from_dict(ModelSpec, to_dict(spec)) == spec


def test_a_colour_has_the_price_at_which_sprites_have_as_many_as_is_usual():
    spec = dataclasses.replace(spec_of(), style=Style(5, 0.0, 4.0))
    model = unlike(spec)

    def mean(price):
        spec_then = dataclasses.replace(spec, style=dataclasses.replace(spec.style, price=price))
        return count_colours(to_uint8(Sampler(model, spec_then).pilots())).mean()

    price = priced(model, spec).style.price
    assert PRICES[0] < price < PRICES[1] and mean(price) >= 4.0 > mean(1.05 * price)
    for usual, bound in ((0.0, PRICES[1]), (6.0, PRICES[0])):  # never as few, never as many
        other = dataclasses.replace(spec, style=Style(5, 0.0, usual))
        assert priced(model, other).style.price == pytest.approx(bound, rel=0.05)


def test_nothing_is_priced_without_a_palette_or_by_a_broken_network():
    plain = dataclasses.replace(spec_of(), style=Style(5, 0.0))
    assert priced(unlike(plain), plain) is plain  # how many are usual is not known
    spec = dataclasses.replace(plain, style=Style(5, 0.0, 4.0))
    broken = unlike(spec)
    torch.nn.init.constant_(broken.head.bias, torch.nan)
    assert priced(broken, spec) is spec


def test_projection_acts_on_the_last_steps_and_ends_on_the_colours():
    schedule, colours = make_schedule("cosine", T), Colours(PALETTE, 4)
    timesteps, calls = timestep_grid("middle", schedule, 6), []

    def denoise(x_t, t):
        calls.append(int(t[0]))
        return 0.9 * sprites(n=len(x_t))

    locked = projected(denoise, colours, timesteps, schedule, SampleNoise(0, range(6)))
    far = [float((locked(normal(6, 4, 4, 5), t.expand(6)) - sprites()).abs().max()) for t in timesteps]
    assert calls == [*timesteps[:4].tolist(), *timesteps[4:].repeat_interleave(2).tolist()]
    assert far[0] == pytest.approx(0.1) and far[3] == pytest.approx(0.1) and far[5] < far[4] < 0.1
