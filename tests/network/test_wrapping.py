"""A wrapped network sees no edge: what is moved around goes in moved, and comes out moved."""

import pytest
import torch

from ddpm.network.unet import ContextUNet
from ddpm.network.wrapping import wrapped


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    model = ContextUNet(4, 5, (16, 24), attention=(1,), facets=(2, 3)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model


@pytest.mark.parametrize("across, down", [(True, True), (True, False), (False, True)])
def test_moved_in_moved_out(network, across, down):
    x, t, context = torch.randn(2, 4, 8, 8), torch.tensor([3, 500]), torch.eye(2, 5)
    model = wrapped(network, 8, across, down)

    def is_moved(by: tuple[int, int]) -> bool:
        moved = model(x.roll(by, (-1, -2)), t, context)
        return torch.allclose(moved, model(x, t, context).roll(by, (-1, -2)), atol=1e-5)

    assert is_moved((2, 0)) == across and is_moved((0, 4)) == down  # by multiples of the stride


def test_the_network_itself_stays_as_it_was(network):
    before = {name: p.clone() for name, p in network.state_dict().items()}
    model = wrapped(network, 8)
    assert all(torch.equal(p, before[name]) for name, p in network.state_dict().items())
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in network.parameters())
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([3]), torch.zeros(1, 5)
    assert not torch.allclose(model(x, t, context), network(x, t, context))


def test_a_size_that_would_be_padded_is_refused(network):
    with pytest.raises(ValueError, match="multiples of 2"):
        wrapped(network, 9)
