"""A network whose image wraps around, so that what it draws can be laid side by side."""

import copy

import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.network.unet import ContextUNet


class WrappedConv(nn.Module):
    """A padded convolution that takes what lies beyond an edge from the opposite one: [B, C, H, W] -> [B, D, H, W]."""

    def __init__(self, conv: nn.Conv2d, across: bool, down: bool):
        super().__init__()
        self.conv = copy.deepcopy(conv)
        self.conv.padding = (0, 0)
        self.height, self.width = int(conv.padding[0]), int(conv.padding[1])
        self.across, self.down = ("circular" if wraps else "constant" for wraps in (across, down))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (self.width, self.width, 0, 0), mode=self.across)
        return self.conv(F.pad(x, (0, 0, self.height, self.height), mode=self.down))


def wrapped(model: ContextUNet, size: int, across: bool = True, down: bool = True) -> ContextUNet:
    """A copy of a network that wraps around left to right, top to bottom or both.

    Self-attention knows no places, so only convolutions see an edge. Raises ValueError for a size that the network
    would have to pad, which makes an edge too.
    """
    if size % model.stride:
        raise ValueError(
            f"sprites of {size} pixels do not wrap around in this model: it takes multiples of {model.stride}"
        )
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and any(child.padding) and not isinstance(parent, WrappedConv):
                setattr(parent, name, WrappedConv(child, across, down))
    return model
