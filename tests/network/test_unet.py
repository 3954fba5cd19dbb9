"""The network is a function of (x_t, t, context), sample by sample, and nothing else."""

import pytest
import torch
from torch import nn

from ddpm.network.unet import ContextUNet, convolution, timestep_embedding

K = 5


def build(channels: int = 3, patch: int = 1, fill: bool = True, widths=(16, 32, 48), blocks: int = 1) -> ContextUNet:
    """A small network of both kinds of blocks; what starts at zero is filled, so that every path counts."""
    torch.manual_seed(0)
    model = ContextUNet(channels, K, widths, blocks=blocks, attention=(1, 2), patch=patch, separable=(0,))
    for p in model.parameters():
        if fill and (p == 0).all():
            nn.init.normal_(p, std=0.1)
    return model


def inputs(batch: int = 3, channels: int = 3, height: int = 8, width: int = 12) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(7)
    x = torch.randn(batch, channels, height, width, generator=g)
    t = torch.randint(0, 1000, (batch,), generator=g)
    return x, t, torch.rand(batch, K, generator=g)


def close(a, b) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [16, 24, 32, 17, 64])
@pytest.mark.parametrize(("channels", "patch"), [(3, 1), (4, 1), (3, 2), (4, 2)])
def test_output_has_the_shape_of_the_input(size, channels, patch):
    x, t, context = inputs(2, channels, size, size)
    with torch.no_grad():
        out = build(channels, patch)(x, t, context)
    assert out.shape == x.shape and out.dtype == x.dtype and out.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9), (20, 6)])
def test_any_height_and_width(height, width):
    x, t, context = inputs(2, 4, height, width)
    assert build(4)(x, t, context).shape == x.shape


@torch.no_grad()
def test_padding_is_right_and_below_and_cropped_there():
    model, (x, t, context) = build(), inputs(height=5, width=9)
    padded = torch.zeros(3, 3, 8, 12)
    padded[..., :5, :9] = x
    close(model(x, t, context), model(padded, t, context)[..., :5, :9])


@pytest.mark.parametrize("widths", [(16,), (16, 24), (16, 32, 48, 64)])
@pytest.mark.parametrize("blocks", [1, 2])
def test_any_depth(widths, blocks):
    x, t, context = inputs()
    torch.manual_seed(0)
    model = ContextUNet(3, K, widths, blocks, attention=())
    assert model(x, t, context).shape == x.shape


@torch.no_grad()
def test_a_separable_convolution_is_a_whole_one_of_the_products_of_its_kernels():
    x, whole, parts = torch.randn(2, 5, 6, 7), convolution(5, 8, False), convolution(5, 8, True)
    spatial, mixing = parts
    whole.weight.copy_(mixing.weight * spatial.weight.squeeze(1))
    whole.bias.copy_(mixing(spatial.bias[:, None, None]).flatten())
    close(parts(x), whole(x))


@pytest.mark.parametrize("patch", [1, 2])
def test_output_is_zero_at_the_start(patch):
    assert (build(patch=patch, fill=False)(*inputs()) == 0).all()


def test_residual_and_attention_branches_start_as_nothing():
    model = build(fill=False)
    for name, p in model.named_parameters():
        if name.endswith(
            (
                "conv2.weight",
                "conv2.bias",
                "conv2.1.weight",
                "conv2.1.bias",
                "out.weight",
                "out.bias",
                "head.weight",
                "head.bias",
            )
        ):
            assert (p == 0).all(), name


@torch.no_grad()
def test_same_input_same_output():
    model = build()
    assert torch.equal(model(*inputs()), model(*inputs()))


@torch.no_grad()
def test_forward_draws_nothing_and_makes_nothing():
    model = build().train()
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    model(*inputs())
    assert torch.equal(torch.get_rng_state(), state)
    after = model.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[k], before[k]) for k in before)


@torch.no_grad()
def test_training_and_evaluation_mode_are_the_same():
    model = build()
    assert torch.equal(model.train()(*inputs()), model.eval()(*inputs()))


@torch.no_grad()
@pytest.mark.parametrize("patch", [1, 2])
def test_a_batch_is_its_samples(patch):
    model, (x, t, context) = build(patch=patch), inputs(4)
    single = [model(x[i : i + 1], t[i : i + 1], context[i : i + 1]) for i in range(4)]
    close(model(x, t, context), torch.cat(single))


@torch.no_grad()
def test_a_sample_does_not_see_another():
    model, (x, t, context) = build(), inputs(3)
    before = model(x, t, context)
    x[2], t[2], context[2] = 30.0, 1, -4.0
    after = model(x, t, context)
    assert torch.equal(after[:2], before[:2])
    assert not torch.allclose(after[2], before[2])


def test_no_gradient_from_one_sample_to_another():
    model, (x, t, context) = build(), inputs(3)
    model(x.requires_grad_(), t, context.requires_grad_())[1].square().sum().backward()
    for grad in (x.grad, context.grad):
        assert (grad[[0, 2]] == 0).all() and (grad[1] != 0).any()


def test_every_parameter_gets_a_gradient():
    model = build(blocks=2)
    model(*inputs()).square().mean().backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


def test_every_channel_of_every_convolution_is_used():
    model = build()
    model(*inputs()).square().mean().backward()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            assert (module.weight.grad.abs().sum((0, 2, 3)) > 0).all(), name  # skips among them


def test_at_the_start_only_the_head_learns():
    model = build(fill=False)
    model(*inputs()).sub(1).square().mean().backward()
    learning = {name for name, p in model.named_parameters() if p.grad.abs().sum() > 0}
    assert learning == {"head.weight", "head.bias"}


@torch.no_grad()
def test_context_and_timestep_change_the_output():
    model, (x, t, context) = build(), inputs()
    out = model(x, t, context)
    for other in (model(x, t, context.roll(1, 1)), model(x, t, context * 0), model(x, t + 1, context)):
        assert ((other - out).flatten(1).abs().amax(1) > 1e-5).all()


@torch.no_grad()
def test_no_context_is_a_row_of_zeros_whatever_the_embedding():
    model, (x, t, context) = build(), inputs()
    without, with_context = model(x, t, context * 0), model(x, t, context)
    for p in model.embed_context.parameters():
        nn.init.normal_(p, std=3.0)
    assert torch.equal(model(x, t, context * 0), without)
    assert not torch.allclose(model(x, t, context), with_context)


@torch.no_grad()
def test_every_pixel_of_the_input_reaches_the_output():
    model, (x, t, context) = build(), inputs(1, height=7, width=9)
    out = model(x, t, context)
    for place in ((0, 0), (6, 8), (3, 4)):
        moved = x.clone()
        moved[0, :, *place] += 1
        assert (model(moved, t, context) - out).abs().max() > 1e-4


def test_timestep_embedding_is_sines_and_cosines():
    t = torch.tensor([0, 3, 999])
    out = timestep_embedding(t, 6)
    assert out.shape == (3, 6) and out.dtype == torch.float32
    for row, step in enumerate(t.tolist()):
        angles = [step * 10_000 ** (-i / 3) for i in range(3)]
        expected = torch.tensor(angles, dtype=torch.float64)
        torch.testing.assert_close(out[row].double(), torch.cat([expected.cos(), expected.sin()]), rtol=0, atol=2e-4)


@torch.no_grad()
def test_timestep_embeddings_are_all_distinct():
    distance = torch.cdist(timestep_embedding(torch.arange(1000), 64), timestep_embedding(torch.arange(1000), 64))
    assert (distance + torch.eye(1000)).min() > 0.1
