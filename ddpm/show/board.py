"""What goes to TensorBoard: curves, picture grids, the denoising path, the settings; and what a sweep found."""

import io
import os
import re
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch import nn
from torch.utils.tensorboard.summary import hparams, image, scalar, text

from ddpm.animation import Animator
from ddpm.config import Config, Sampling, to_toml
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_uint8
from ddpm.diffusion.guidance import guidance_labels
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler
from ddpm.show.clips import animation, strip
from ddpm.show.grids import labelled_grid, left_out, save_picture
from ddpm.system.console import warn
from ddpm.system.outputs import named_in_errors, write_all
from ddpm.system.settings import flat
from sprites.export.album import DELAY

FIGURES = (
    "loss/train",
    "loss/validation",
    "evaluation/class_accuracy",
    "evaluation/frechet_distance",
)  # curves whose last values stand in the table of runs
PATH_PICTURES = 8  # pictures in the strip of the denoising path
CLIPS = 6  # of each category that moves
HELD_MOST = 64 * 2**20  # bytes of events that wait for room on a full disk


def denoising_path(sampler: Sampler, scale: float) -> Image.Image:
    """One sprite a category on its way: rows are categories, columns x0_hat from the first step to the last."""
    categories, seen = sampler.spec.categories, []
    condition = Condition.of(sampler.spec.contexts())
    N = len(categories)
    sampler(condition, scale, range(N), batch=N, on_step=lambda step, x_t, x0: seen.append(x0))
    chosen = np.linspace(0, len(seen) - 1, min(PATH_PICTURES, len(seen))).round().astype(int)
    cells = np.stack([to_uint8(seen[i]) for i in chosen], axis=1)[:, :, None]
    return labelled_grid(cells, categories, [f"step {i + 1}" for i in chosen])


class Events:
    """A TensorBoard file of its own in `folder`. What cannot be written (to a full disk, say) is held back and written
    later.

    SummaryWriter would not do: its thread dies of the first such error, and writes nothing from then on. A record that
    was written in part is cut off again, since readers see nothing that follows it.
    """

    def __init__(self, folder: Path, purge_step: int | None = None):
        """purge_step: what older files of the folder have from this step on no longer counts."""
        folder.mkdir(parents=True, exist_ok=True)
        # Files are read in the order of their names: this is to be the last, though a clock may have gone back.
        stamps = [re.match(r"events\.out\.tfevents\.(\d+\.\d+)\.", file.name) for file in folder.iterdir()]
        stamp = max([time.time(), *(float(found[1]) + 1e-3 for found in stamps if found)])
        self.path = folder / f"events.out.tfevents.{stamp:.6f}.{socket.gethostname()}.{os.getpid()}"
        self.size, self.held = 0, io.BytesIO()
        self.add(file_version="brain.Event:2")
        if purge_step is not None:
            self.add(step=purge_step, session_log=SessionLog(status=SessionLog.START))

    def add(self, **fields: Any) -> None:
        """Hold an event, of the fields of its protocol buffer, for the next `flush`."""
        RecordWriter(self.held).write(Event(wall_time=time.time(), **fields).SerializeToString())

    def flush(self) -> None:
        """Write what is held. Raises OSError if that fails, and holds it further, if it is not too much."""
        if not self.held.tell():
            return
        try:
            with named_in_errors(self.path), open(self.path, "ab") as file:
                if file.tell() > self.size:
                    file.truncate(self.size)  # a part of this, by an attempt that failed
                file.write(self.held.getvalue())
        except OSError:
            if self.held.tell() > HELD_MOST:
                warn(f"{self.held.tell() / 2**20:.0f} MB of curves and pictures have waited in vain, and are lost")
                self.held = io.BytesIO()
            raise
        self.size += self.held.tell()
        self.held = io.BytesIO()


class Board:
    """TensorBoard files of a run, in `config.out`/tb, and the same pictures as PNG in `config.out`/samples."""

    def __init__(self, config: Config, spec: ModelSpec, about_data: str, purge_step: int | None = None):
        """purge_step: what the folder has from this step on no longer counts; None or 0 for a run that begins, of which
        nothing is written before the first `flush`."""
        self.config = config
        self.samples: Path = config.out / "samples"
        self.samples.mkdir(parents=True, exist_ok=True)
        self.events = Events(config.out / "tb", purge_step)
        shape = (len(spec.categories), len(config.log.guidance), config.log.count, spec.size)
        if few := left_out(shape):
            warn(f"the pictures of samples show {few}")
        if not purge_step:
            toml = "".join(f"    {line}\n" for line in to_toml(config).splitlines())
            self.events.add(step=0, summary=text("config", f"{about_data}\n\n{toml}"))
            self._hyperparameters()

    def _hyperparameters(self) -> None:
        """Enter the settings in the HParams table, beside the last values of the curves in `FIGURES`."""
        settings = {k: str(v) if isinstance(v, list) else v for k, v in flat(self.config).items()}
        for summary in hparams(settings, dict.fromkeys(FIGURES, 0.0)):
            self.events.add(summary=summary)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add a point to each named curve."""
        for name, value in values.items():
            self.events.add(step=step, summary=scalar(name, value))
        self.flush()

    def snapshot(self, model: nn.Module, spec: ModelSpec, step: int) -> None:
        """Sample with the same seeds as every time; show and save the grid and the path."""
        log = self.config.log
        sampler = Sampler(model, spec, Sampling(seed=self.config.seed))
        scale = min(log.guidance, key=lambda s: abs(s - 2))
        cells = to_uint8(sampler.grid(Condition.of(spec.contexts()), log.guidance, log.count))
        self._blank(step, cells)
        pictures = {
            "grid": labelled_grid(cells, spec.categories, guidance_labels(log.guidance)),
            "path": denoising_path(sampler, scale),
        }
        if spec.moving:
            names, clips = self.clips(model, spec, scale)
            pictures["clips"] = strip(clips, names)
            self.events.add(step=step, summary=animation("samples/moving", clips, DELAY))
        for name, picture in pictures.items():
            shown = image(f"samples/{name}", np.asarray(picture), dataformats="HWC")
            self.events.add(step=step, summary=shown)
        files = {self.samples / f"{name}_{step:07d}.png": picture for name, picture in pictures.items()}
        write_all(self.flush, *(partial(save_picture, path, picture) for path, picture in files.items()))

    def clips(self, model: nn.Module, spec: ModelSpec, scale: float) -> tuple[list[str], np.ndarray]:
        """Names, and `CLIPS` clips of each category that moves, uint8 [N, F, H, W, C]."""
        animator, moving = Animator(model, spec, Sampling(seed=self.config.seed)), spec.moving
        rows = torch.tensor([spec.categories.index(name) for name in moving]).repeat_interleave(CLIPS)
        condition = Condition.of(spec.contexts()[rows])
        clips = animator(condition, scale, list(range(CLIPS)) * len(moving), spec.model.frames)
        return [f"{name} {i + 1}" for name in moving for i in range(CLIPS)], to_uint8(clips)

    def _blank(self, step: int, cells: np.ndarray) -> None:
        """Tell the share of sprites [..., H, W, C] that are of one colour, and raise the alarm if most are."""
        pixels = cells.reshape(-1, cells.shape[-3] * cells.shape[-2], cells.shape[-1])
        share = float((pixels == pixels[:, :1]).all((1, 2)).mean())
        self.events.add(step=step, summary=scalar("samples/blank", share))
        if share > 0.5:
            alarm = f"at step {step}, {share:.0%} of the sampled sprites are of a single colour: training has failed"
            self.events.add(step=step, summary=text("alarm", alarm))
            warn(alarm)

    def flush(self) -> None:
        """Write what is held back."""
        self.events.flush()

    def close(self) -> None:
        """Write what is held back, as far as that can be done."""
        try:
            self.flush()
        except OSError as e:
            warn(f"the end of the curves could not be written: {e}")
