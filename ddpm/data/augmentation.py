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


def shifted(x: Tensor, moves: Tensor, most: int, units: Tensor | None = None) -> Tensor:
    """Sprites x [N, C, H, W] moved down and right by up to `most` pixels each way, as far as their margins allow, so
    that nothing of them is lost. moves: [N, 2] in [0, 1), uniform: where between the least and the largest move.
    units: of which clip each is a frame, int64 [N]; frames of one clip, of the same moves, go together."""
    room = margins(x).clamp(max=most)
    if units is not None:
        least = torch.full((int(units.max()) + 1, 4), most, device=x.device)
        room = least.scatter_reduce(0, units[:, None].expand(-1, 4), room, "amin")[units]
    up, down, left, right = room.unbind(1)
    by = torch.stack([((up + down + 1) * moves[:, 0]).long() - up, ((left + right + 1) * moves[:, 1]).long() - left], 1)
    sides = zip(x.shape[-2:], by.unbind(1), strict=True)
    rows, columns = ((torch.arange(n, device=x.device) - d[:, None]) % n for n, d in sides)
    which = torch.arange(len(x), device=x.device)[:, None, None]
    return x[which, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()
