"""Sprites as tensors and back.

RGBA is trained on with its colour premultiplied by alpha (Porter & Duff 1984): transparent pixels carry no colour."""

import numpy as np
import torch
from torch import Tensor


def to_tensor(images: np.ndarray | Tensor) -> Tensor:
    """uint8 [..., H, W, C] with straight alpha -> float32 [..., C, H, W] in [-1, 1] with premultiplied colour."""
    images = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    x = images.movedim(-1, -3).float() / 255
    if x.shape[-3] == 4:
        x[..., :3, :, :] *= x[..., 3:, :, :].clone()
    return x * 2 - 1


def to_uint8(x: Tensor) -> np.ndarray:
    """float [..., C, H, W] in [-1, 1] -> uint8 [..., H, W, C]; RGBA gets straight colour and an alpha of 0 or 255.

    Inverse of `to_tensor` for RGB and for RGBA of hard alpha whose transparent pixels are black.
    """
    x = (x.float().clamp(-1, 1) + 1) / 2
    if x.shape[-3] == 4:
        color, alpha = x[..., :3, :, :], x[..., 3:, :, :]
        opaque = alpha >= 0.5
        x = torch.cat([(color / alpha.clamp(min=0.5)).clamp(max=1) * opaque, opaque], dim=-3)
    return (x * 255).round().to(torch.uint8).movedim(-3, -1).cpu().numpy()
