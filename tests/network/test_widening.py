"""A network made wider says what the narrower one said, and learns with all that is added."""

import pytest
import torch
from torch import nn

from ddpm.network.unet import ContextUNet
from ddpm.network.widening import can_widen, channels, parts, places, widened


def network(widths, blocks=1, attention=(), seed=0, **more):
    """Of random weights in every layer: at its start a network is zeros behind each block."""
    torch.manual_seed(seed)
    model = ContextUNet(4, 5, widths, blocks, attention, separable=(0,), **more)
    for p in model.parameters():
        nn.init.normal_(p, std=max(1, p[0].numel()) ** -0.5)
    return model


def grown(old, new, blocks=1, attention=(), **more):
    its = network(old, blocks, attention, **more)
    torch.manual_seed(1)
    wide = ContextUNet(4, 5, new, blocks, attention, separable=(0,), **more)
    wide.load_state_dict(widened(its.state_dict(), wide.state_dict(), old, new, blocks))
    return its, wide


def inputs(n=3):
    return torch.randn(n, 4, 16, 16), torch.tensor([3, 500, 990])[:n], torch.eye(5)[:n]


@pytest.mark.parametrize("widths, blocks", [((32, 48, 64), 1), ((64, 64, 96), 2), ((16,), 3)])
def test_parts_are_those_of_the_network(widths, blocks):
    model = network(widths, blocks, (len(widths) - 1,), facets=(2, 3), frames=4, colours=torch.rand(7, 4), outputs=7)
    for name, p in model.named_parameters():
        rows, columns = parts(name, widths, blocks)
        assert not rows or sum(rows) == p.shape[0], name
        assert not columns or p.dim() == 1 or sum(columns) == p.shape[1], name
        assert columns or p.dim() < 4 or p.shape[1] == 1 or name.startswith(("stem", "head")), name
        known = ("embed", "head", "pointer")
        assert rows or name.startswith(known), name
    taken = [model.get_submodule(name)[0].norm1.num_channels for name in channels(widths, blocks)]
    assert taken == [sum(sources) for sources, _ in channels(widths, blocks).values()]


def test_places_are_at_the_beginning_of_each_part():
    assert places((2, 1), (3, 2)).tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    "old, new, blocks", [((32, 48), (48, 64), 1), ((32, 32, 48), (32, 64, 96), 1), ((16, 32), (64, 128), 2)]
)
def test_a_wider_network_says_what_the_narrow_one_said(old, new, blocks):
    its, wide = grown(old, new, blocks)
    x = inputs()
    torch.testing.assert_close(wide(*x), its(*x), atol=1e-4, rtol=1e-4)


def test_only_the_norms_before_attention_see_what_is_added():
    more = dict(attention=(1,), facets=(2, 3), frames=4, colours=torch.rand(7, 4), outputs=7)
    its, wide = grown((32, 64), (48, 96), **more)
    x = inputs()
    near = (wide(*x) - its(*x)).square().mean() / its(*x).square().mean()
    assert 0 < near < 0.25  # those of different networks differ by 2
    for model in (its, wide):
        for m in model.modules():
            if isinstance(m, nn.GroupNorm) and m.num_groups == 1:
                nn.init.zeros_(m.weight)
    torch.testing.assert_close(wide(*x), its(*x), atol=1e-4, rtol=1e-4)


def test_all_that_is_added_learns():
    _, wide = grown((32, 48), (48, 64), attention=(1,))
    optimizer = torch.optim.SGD(wide.parameters(), lr=1e-3)
    for _ in range(2):  # what is behind a layer that is zero has no gradient in the first step
        optimizer.zero_grad()
        wide(*inputs()).square().mean().backward()
        optimizer.step()
    for name, p in wide.named_parameters():
        assert p.grad.flatten(1).any(1).all() if p.dim() > 1 and "embed" not in name else p.grad.any(), name


@pytest.mark.parametrize(
    "old, new, can",
    [
        ((64, 64, 96), (80, 96, 128), True),
        ((64, 64, 96), (64, 64, 160), True),
        ((64, 64, 96), (48, 64, 96), False),  # narrower
        ((64, 64, 96), (80, 80, 96), False),  # other heads
        ((64, 64, 96), (64, 96, 96), False),  # what leads from the second level to the third is no more
        ((64, 64, 96), (72, 64, 96), False),  # groups of other sizes
        ((64, 96), (64, 64, 96), False),
    ],
)
def test_what_can_become_wider(old, new, can):
    assert can_widen(old, new, (1, 2)) == can
