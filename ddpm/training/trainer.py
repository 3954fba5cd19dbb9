"""The training loop, on one process or on several, each of which takes its share of every batch.

Everything random in step k is drawn from generators seeded with (seed, k): a resumed run goes on as if never stopped,
and so does one on another number of processes.
The loop knows neither samplers nor metrics nor TensorBoard: it calls `on_scalars(step, {name: value})`,
`on_snapshot(model, step)`, `on_evaluate(model, step)`, which returns scalars, and `on_save()`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ddpm.config import Config, OptimConfig, from_dict, to_dict
from ddpm.context.categories import mask_context
from ddpm.context.tags import mask_tags
from ddpm.data.collection import SpriteData
from ddpm.data.order import STEP, VALIDATION, ShuffledOrder, generator, seed_of
from ddpm.diffusion.prediction import stratified_timesteps
from ddpm.runs.checkpoints import Stateful, newest_checkpoint, restore, save_checkpoint
from ddpm.runs.models import EARLY_FILE, MODEL_FILE, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.system.console import progress
from ddpm.system.devices import autocast_dtype, make_deterministic
from ddpm.system.distributed import alike, averaged, gather, highest, is_main, main_first, own, parallel, world
from ddpm.system.outputs import attempt
from ddpm.system.signals import interruptible
from ddpm.training.ema import EMA
from ddpm.training.footprint import check_training_fits
from ddpm.training.meters import Clock, GroupMeans
from ddpm.training.optim import Optimizers, learning_rate

T = TypeVar("T")
OnScalars = Callable[[int, dict[str, float]], None]
OnSnapshot = Callable[[torch.nn.Module, int], None]
OnEvaluate = Callable[[torch.nn.Module, int], dict[str, float]]
OnSave = Callable[[], object]  # before a checkpoint is written
SKIPPED_MOST = 10  # steps in a row that may be skipped
NOISE_ROWS = 64  # noise is drawn for so many samples at a time, so that a process draws but its own


def nothing(*_: object) -> dict[str, float]:
    """A callback of a run that is not watched."""
    return {}


@dataclass(frozen=True)
class Progress:
    """What a checkpoint says of its run beside the tensors."""

    step: int
    skipped: int
    skipped_in_a_row: int
    data: dict[str, str]
    """`SpriteData.facts`"""


def check_batch(optim: OptimConfig) -> None:
    """Raise ValueError for a batch that is too small for the parts in which it is taken."""
    parts = world() * optim.accumulate
    if optim.batch < parts:
        raise ValueError(
            f"optim.batch = {optim.batch} is for all processes together, too few for {world()} of them with "
            f"optim.accumulate = {optim.accumulate}; give {parts} or more"
        )


class NonFiniteLoss(RuntimeError):
    """The loss or its gradient was infinite or NaN in too many steps in a row."""


class Trainer:
    """Trains a ContextUNet on sprites as `config` says and leaves checkpoints and EMA weights in `config.out`."""

    def __init__(self, config: Config, data: SpriteData, device: torch.device):
        self.config, self.data, self.device = config, data, device
        if config.deterministic:
            make_deterministic()
        sprites = data.sprites
        self.spec = ModelSpec(
            sprites.size, sprites.channels, sprites.categories, config.model, config.diffusion, facets=data.facets
        )
        with main_first():
            check_training_fits(self.spec, config.optim, device)
        torch.manual_seed(config.seed)
        self.model = self.spec.build().to(device).train()
        self.network = self._parallel()
        self.ema = EMA(self.model, config.optim.ema)
        self.diffusion = self.spec.build_diffusion()
        self.optimizers = Optimizers(self.model, config.optim)
        self.order = ShuffledOrder(len(data.train), config.seed)
        self.autocast = autocast_dtype(config.optim.precision, device)
        self.facts = data.facts()
        if not alike(seed_of(*"".join(self.facts.values()).encode()) >> 1):
            raise ValueError(f"{config.data} holds other sprites than another process has; give all of them the same")
        self.step = 0
        self.skipped = self.skipped_in_a_row = 0
        self.means = GroupMeans(
            {
                "loss_by_timestep": [f"quartile_{q}" for q in (1, 2, 3, 4)],
                "loss_by_category": list(sprites.categories),
                "loss_by_context": ["masked", "kept"],
                "loss": ["train"],
            }
        )

    def _parallel(self) -> torch.nn.Module:
        """The network, its gradients averaged over the processes.

        DDP puts them in another order once it has seen one backward pass, and rounding depends on it: let that be one
        before the first step, or the first after a resume would differ from what it is in the middle of a run.
        """
        network = parallel(self.model)
        if world() > 1:
            x = torch.zeros(1, self.spec.channels, self.spec.size, self.spec.size, device=self.device)
            context = torch.zeros(1, self.spec.places, device=self.device)
            network(x, torch.zeros(1, dtype=torch.long, device=self.device), context).sum().backward()
            self.model.zero_grad()
        return network

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {"model": self.model, "ema": self.ema.model}

    @property
    def precision(self) -> str:
        return "float32" if self.autocast is None else "bfloat16"

    @property
    def parts(self) -> dict[str, Stateful]:
        """All that a checkpoint keeps, but for the optimisers and a few numbers."""
        return self.modules | {"means": self.means}

    def resume(self) -> Path:
        """Go back to the newest whole checkpoint of the run, and return its path; damaged ones are told on stderr.

        Raises ValueError when there is none, when the data is not what the run began with, and when another process
        finds another checkpoint.
        """
        with main_first():  # it sets the damaged ones aside
            path, tensors, about = newest_checkpoint(self.config.out)
            then = from_dict(Progress, about)
            named = path.stem == f"step_{then.step:08d}"
            if not named or not 0 <= then.skipped_in_a_row <= then.skipped <= then.step:
                raise ValueError(f"{path}: it cannot be at step {then.step} with {then.skipped} steps skipped")
            if then.step > self.config.steps:
                raise ValueError(f"{path} is beyond the {self.config.steps} steps asked for; give {then.step} or more")
            for name, now in self.facts.items():
                if then.data.get(name) != now:
                    raise ValueError(
                        f"the data is not what the run began with: {name} then {then.data.get(name)}, now {now}; "
                        "give the old data, or start anew with another --out"
                    )
            restore(tensors, self.parts, self.optimizers.parts, begun=then.step > then.skipped)
        if not alike(then.step):
            raise ValueError(f"{path} is not what another process found; the run folder must be one for all")
        self.step, self.skipped, self.skipped_in_a_row = then.step, then.skipped, then.skipped_in_a_row
        return path

    def save(self) -> None:
        """Write the EMA weights as the run's model, then a checkpoint: where that is, there is a model too."""
        save_model(self.config.out / MODEL_FILE, self.ema.model, self.spec, self.step)
        about = to_dict(Progress(self.step, self.skipped, self.skipped_in_a_row, self.facts))
        save_checkpoint(self.config.out, about, self.parts, self.optimizers.parts, self.config.log.keep)

    def train(
        self,
        on_scalars: OnScalars = nothing,
        on_snapshot: OnSnapshot = nothing,
        on_evaluate: OnEvaluate = nothing,
        on_save: OnSave = nothing,
    ) -> int | None:
        """Run to the last step. Returns None, or the number of the signal that stopped it after saving.

        The main process alone calls the callbacks. `on_save` has what it holds back written, or a run that is killed
        and resumed would lack it. Raises NonFiniteLoss, leaving the last checkpoint as it is, and OSError if the end of
        the run cannot be saved.
        """
        config, log = self.config, self.config.log
        clock, stopped_by = Clock(self.step), 0

        def on_main(write: Callable[..., T], *args: object) -> T | None:
            return attempt(self.step, write, *args) if is_main() else None

        def save() -> None:
            if is_main():
                on_save()
                self.save()

        bar = progress(total=config.steps, initial=self.step, unit="step", disable=not is_main())
        with interruptible() as caught, bar:
            if self.step == 0 and is_main():  # from here on there is something to resume; the folder can be written to
                self.save()  # before the curves, which alone could be those of a long run whose weights were removed
                on_save()
            while self.step < config.steps and not (stopped_by := highest(max(caught, default=0))):
                try:
                    norm = self.advance()
                except NonFiniteLoss:
                    on_main(on_scalars, self.step, {"train/skipped_steps": self.skipped})
                    raise
                bar.update()
                if self._due(log.every):
                    rate = clock.rate(self.step) * config.optim.batch
                    scalars = self.means.pop() | {
                        "train/learning_rate": config.optim.lr
                        * learning_rate(self.step, config.steps, config.optim.warmup),
                        "train/gradient_norm": norm.item(),
                        "train/skipped_steps": self.skipped,
                        "train/sprites_per_second": rate,
                    }
                    on_main(on_scalars, self.step, scalars)
                    bar.set_postfix_str(f"loss {scalars.get('loss/train', math.nan):.4f}, {rate:.0f} sprites/s")
                if self._due(log.validate) and len(self.data.val) and is_main():
                    on_main(on_scalars, self.step, {"loss/validation": self.validation_loss()})
                if self.step == max(1, round(log.early * config.steps)):
                    on_main(save_model, config.out / EARLY_FILE, self.ema.model, self.spec, self.step)
                if self._due(log.snapshot):
                    on_main(on_snapshot, self.ema.model, self.step)
                if self._due(log.evaluate):
                    figures = on_main(on_evaluate, self.ema.model, self.step)
                    on_main(on_scalars, self.step, figures or {})
                # Not where steps are skipped: such weights may be what makes the loss not finite.
                if self._due(log.checkpoint) and self.step < config.steps and not self.skipped_in_a_row:
                    on_main(save)
                if self._due(log.snapshot) or self._due(log.evaluate):
                    clock = Clock(self.step)  # their time is not that of the steps
            save()
        return stopped_by if self.step < config.steps else None

    def _due(self, every: int) -> bool:
        """Whether this step is one of every so many, or the last; 0 is never."""
        return every > 0 and (self.step % every == 0 or self.step == self.config.steps)

    def advance(self) -> Tensor:
        """Take the next optimiser step, on one batch; returns the norm of the gradient before clipping."""
        config, optim = self.config, self.config.optim
        self.step += 1
        inputs, groups = self.draw()
        losses = gather(self.backward(inputs), optim.batch).cpu()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optim.clip)
        if not norm.isfinite():
            self.skip(f"loss {losses.mean().item():g}, gradient norm {norm.item():g}")
            return norm
        self.skipped_in_a_row = 0
        self.optimizers.step(learning_rate(self.step, config.steps, optim.warmup))
        self.ema.update(self.model, self.step)
        self.means.add(losses, groups)
        return norm

    def draw(self) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """The batch of this step: x0, context, t and eps of this process's own rows; the groups of all its rows."""
        config, B, T = self.config, self.config.optim.batch, len(self.diffusion.schedule)
        g = generator(config.seed, STEP, self.step)
        indices = self.data.train[self.order((self.step - 1) * B, B)]
        labels = torch.from_numpy(self.data.sprites.labels[indices])
        flipped = self.data.flips(labels, g)
        context = self.data.contexts(indices)
        if self.spec.facets:
            context, kept = mask_tags(context, config.keep_tag, config.few_tags, config.keep_context, g)
        else:
            context, kept = mask_context(context, config.keep_context, g)
        t = stratified_timesteps(B, T, g)
        rows = own(B)
        x0, _ = self.data.batch(indices[rows], None if flipped is None else flipped[rows])
        groups = {
            "loss_by_timestep": t * 4 // T,
            "loss_by_category": labels,
            "loss_by_context": kept.long(),
            "loss": torch.zeros_like(labels),
        }
        return (x0, context[rows], t[rows], self.noise(rows, x0.shape[1:], g)), groups

    def noise(self, rows: slice, shape: torch.Size, first: torch.Generator) -> Tensor:
        """eps of some rows of the batch of this step, float32 [n, *shape]; `first` draws that of the first block."""
        drawn = []
        for block in range(rows.start // NOISE_ROWS, math.ceil(rows.stop / NOISE_ROWS)):
            g = generator(self.config.seed, STEP, self.step, block) if block else first
            count = min(NOISE_ROWS, self.config.optim.batch - block * NOISE_ROWS)
            drawn.append(torch.randn(count, *shape, generator=g))
        skipped = rows.start % NOISE_ROWS
        return torch.cat(drawn)[skipped : skipped + rows.stop - rows.start]

    def backward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Add to the gradient that of the mean loss of the whole batch; returns the loss of each own sample, [n]."""
        losses, count = [], self.config.optim.accumulate
        for i, part in enumerate(zip(*(a.to(self.device).tensor_split(count) for a in inputs), strict=True)):
            with averaged(self.network, now=i == count - 1):
                with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
                    losses.append(self.diffusion.loss(self.network, *part))
                # The gradients are averaged over the processes, whose shares may differ by a sample.
                (losses[-1].sum() * world() / self.config.optim.batch).backward()
        return torch.cat(losses).detach()

    def skip(self, what: str) -> None:
        """Leave the weights as they are, since the loss or its gradient is not finite. Raises NonFiniteLoss after
        `SKIPPED_MOST` such steps in a row."""
        self.model.zero_grad()
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row > SKIPPED_MOST:
            optim = self.config.optim
            raise NonFiniteLoss(
                f"the loss or its gradient is not finite at step {self.step} ({what}), nor was it in the "
                f"{SKIPPED_MOST} steps before. Try a lower --optim.lr (now {optim.lr:g}), a longer --optim.warmup, or "
                f"--optim.precision fp32; go on from the last checkpoint with --resume"
            )

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Loss of the EMA weights on held-out sprites with context, with the same timesteps and noise every time."""
        x0, context = self.data.validation()
        g = generator(self.config.seed, VALIDATION)
        t = stratified_timesteps(len(x0), len(self.diffusion.schedule), g)
        eps = torch.randn(x0.shape, generator=g)
        parts = zip(*(a.to(self.device).split(128) for a in (x0, context, t, eps)), strict=True)
        return torch.cat([self.diffusion.loss(self.ema.model, *part) for part in parts]).mean().item()
