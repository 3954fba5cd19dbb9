"""Clips as pictures: a grid that moves, and a strip with the frames across."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary

from ddpm.show.grids import PAPER, columns_for, labelled_grid, on_checkerboard, upscale
from sprites.export.album import Album, Run

GAP = 1  # pixels of sprites between clips that move side by side


def moving(clips: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Clips uint8 [N, F, H, W, C] side by side, transparent or black between them: uint8 [F, height, width, C]."""
    N, F, H, W, C = clips.shape
    across = columns or columns_for(N)
    down = -(-N // across)
    sheet = np.zeros((F, down * (H + GAP) - GAP, across * (W + GAP) - GAP, C), np.uint8)
    for i, clip in enumerate(clips):
        top, left = (H + GAP) * (i // across), (W + GAP) * (i % across)
        sheet[:, top : top + H, left : left + W] = clip
    return sheet


def album_of(clips: np.ndarray, names: Sequence[str], delay: int, palette: np.ndarray | None = None) -> Album:
    """Clips uint8 [N, F, H, W, C] for an export: a frame tag each. delay: milliseconds of a frame."""
    N, F = clips.shape[:2]
    runs = [Run(name, i * F, (i + 1) * F - 1) for i, name in enumerate(names)]
    frames = [f"{name}/{frame:04d}" for name in names for frame in range(F)]
    return Album(clips.reshape(N * F, *clips.shape[2:]), frames, runs, palette=palette).timed(delay)


def strip(clips: np.ndarray, names: Sequence[str], given: int = 0) -> Image.Image:
    """Clips uint8 [N, F, H, W, C] down, their frames across; the first `given` frames of each were not sampled."""
    columns = [f"given {i + 1}" if i < given else f"{i + 1}" for i in range(clips.shape[1])]
    return labelled_grid(clips[:, :, None], names, columns)


def animation(name: str, clips: np.ndarray, delay: int) -> Summary:
    """A picture for TensorBoard that moves: clips uint8 [N, F, H, W, C], enlarged, on a checkerboard, as a GIF."""
    from torchvision.utils import make_grid  # takes more than a second to import: not for commands that take seconds

    factor = 3
    tiles = torch.from_numpy(on_checkerboard(upscale(clips, factor), 2 * factor)).movedim(-1, 2)
    sheets = [make_grid(frame, columns_for(len(clips)), factor, pad_value=PAPER) for frame in tiles.unbind(1)]
    frames = [Image.fromarray(sheet.movedim(0, -1).numpy()) for sheet in sheets]
    colours = frames[0].quantize(255)
    first, *others = (frame.quantize(255, palette=colours, dither=Image.Dither.NONE) for frame in frames)
    file = BytesIO()
    first.save(file, format="gif", save_all=True, append_images=others, duration=delay, loop=0)
    width, height = first.size
    shown = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=file.getvalue())
    return Summary(value=[Summary.Value(tag=name, image=shown)])
