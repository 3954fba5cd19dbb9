"""Sprites moved by a few pixels, so that few of them are not learnt by heart as they stand."""

import torch
from torch import Tensor


def margins(x: Tensor) -> Tensor:
    """int64 [N, 4]: rows above and below, and columns left and right, of sprites x [N, C, H, W] that are all
    background, which is what the upper left pixel is. All of them where there is nothing else."""
    drawn = (x != x[..., :1, :1]).any(1)

    def empty(lines: Tensor) -> Tensor:
        """int64 [N]: how many of lines bool [N, L] come before the first that is drawn."""
        return (lines.long().cumsum(1) == 0).sum(1)

    rows, columns = drawn.any(2), drawn.any(1)
    return torch.stack([empty(line) for line in (rows, rows.flip(1), columns, columns.flip(1))], 1)


def shifted(x: Tensor, moves: Tensor, most: int) -> Tensor:
    """Sprites x [N, C, H, W] moved down and right by up to `most` pixels each way, as far as their margins allow, so
    that nothing of them is lost. moves: [N, 2] in [0, 1), uniform: where between the least and the largest move."""
    up, down, left, right = margins(x).clamp(max=most).unbind(1)
    size = torch.tensor(x.shape[-2:])
    by = torch.stack([((up + down + 1) * moves[:, 0]).long() - up, ((left + right + 1) * moves[:, 1]).long() - left], 1)
    rows, columns = ((torch.arange(n) - d[:, None]) % n for n, d in zip(size.tolist(), by.unbind(1), strict=True))
    which = torch.arange(len(x))[:, None, None]
    return x[which, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()
