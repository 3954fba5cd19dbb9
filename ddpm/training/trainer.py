"""The training loop, on one process or on several, each of which takes its share of every batch.

Everything random in step k is drawn from generators seeded with (seed, k): a resumed run goes on as if never stopped,
and so does one on another number of processes.
The loop knows neither samplers nor metrics nor TensorBoard: it calls `Hooks`.
"""

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ddpm.config import Config, check_levels
from ddpm.context.completion import packed
from ddpm.data.collection import SpriteData
from ddpm.data.order import VALIDATION, generator, seed_of
from ddpm.diffusion.prediction import comparable_losses
from ddpm.network.frames import Frames
from ddpm.runs.checkpoints import Stateful, newest_checkpoint, restore, save_checkpoint
from ddpm.runs.models import EARLY_FILE, MODEL_FILE, load_model, read_model, save_model, spec_of
from ddpm.runs.spec import ModelSpec
from ddpm.runs.transfer import Taken, model_like, predicts_like, take_over
from ddpm.system.console import progress
from ddpm.system.devices import autocast_dtype, limited, make_deterministic, shares
from ddpm.system.distributed import alike, averaged, gather, highest, is_main, main_first, parallel, world
from ddpm.system.outputs import attempt
from ddpm.system.processes import interruptible
from ddpm.system.settings import from_dict, to_dict
from ddpm.training.batches import Batch, Batches
from ddpm.training.ema import EMA, Kept
from ddpm.training.footprint import check_training_fits
from ddpm.training.graph import Captured
from ddpm.training.meters import Clock, GroupMeans
from ddpm.training.optim import Optimizers, add_gradients, learning_rate
from sprites.colour import hexadecimals

VALIDATION_LEAST = 256  # samples of held-out sprites for the validation loss; fewer sprites get more than one noise
ENOUGH = 1000  # in place of the number of a signal: training stops by itself
SKIPPED_MOST = 10  # steps in a row that may be skipped


def nothing(*_: object) -> dict[str, float]:
    """A hook of a run that is not watched."""
    return {}


@dataclass(frozen=True)
class Hooks:
    """What the trainer calls, in the main process alone: how others tell of a run."""

    scalars: Callable[[int, dict[str, float]], object] = nothing
    """(step, {name: value}): the latest points of curves."""
    snapshot: Callable[[nn.Module, ModelSpec, int], object] = nothing
    """(averaged network, what its file says of it, step): take pictures of it."""
    evaluate: Callable[[nn.Module, ModelSpec, int], dict[str, float]] = nothing
    """The same: judge it; returns scalars."""
    by_heart: Callable[[nn.Module, ModelSpec, int], object] = nothing
    """The same: returns something true if sprites were learnt by heart."""
    finish: Callable[[nn.Module, ModelSpec], ModelSpec] = lambda _, spec: spec
    """Once, of the network that is kept: what its file is to say of it."""
    save: Callable[[], object] = nothing
    """Before a checkpoint is written: write what is held back, or a run that is killed and resumed would lack it."""


@dataclass(frozen=True)
class Progress:
    """What a checkpoint says of its run beside the tensors."""

    step: int
    skipped: int
    skipped_in_a_row: int
    data: dict[str, str]
    """`SpriteData.facts`"""


def check_batch(config: Config) -> None:
    """Raise ValueError for a batch that is too small for the parts in which it is taken, of whole clips."""
    optim, each = config.optim, config.model.frames if config.clips else 1
    least = world() * optim.accumulate * each
    if optim.batch < least:
        clips = f" and clips of model.frames = {each}" if each > 1 else ""
        raise ValueError(
            f"optim.batch = {optim.batch} is for all processes together, too few for {world()} of them with "
            f"optim.accumulate = {optim.accumulate}{clips}; give {least} or more"
        )


def spec_for(config: Config, data: SpriteData, start: ModelSpec | None) -> ModelSpec:
    """What a run trains: a network for its sprites, like that of the model it starts from. Raises ValueError for a
    student, which knows only a few steps."""
    if start and start.student:
        raise ValueError(f"--from {config.start} is a student, which goes in few steps only; give its teacher")
    sprites, diffusion = data.sprites, config.diffusion
    model = config.model if config.clips else replace(config.model, frames=1)  # it would not learn what frames are
    return ModelSpec(
        sprites.size,
        sprites.channels,
        sprites.categories,
        model_like(model, sprites.size, start) if start else model,
        predicts_like(diffusion, start) if start and data.palette is None else diffusion,
        facets=data.facets,
        palette=hexadecimals(data.palette),
        style=data.style,
        moving=data.moving if config.clips else (),
        varying=data.varying if config.clips else (),
        moved=data.moved if config.clips else {},
        packed=packed(data.together),
    )


class NonFiniteLoss(RuntimeError):
    """The loss or its gradient was infinite or NaN in too many steps in a row."""


class Trainer:
    """Trains a ContextUNet on sprites as `config` says and leaves checkpoints and EMA weights in `config.out`."""

    def __init__(self, config: Config, data: SpriteData, device: torch.device):
        config = config.for_data(len(data.train), data.palette is not None)
        self.config, self.data, self.device = config, data, device
        if config.deterministic:
            make_deterministic()
        sprites, self.facts = data.sprites, data.facts()
        if not alike(seed_of(*"".join(self.facts.values()).encode()) >> 1):
            raise ValueError(f"{config.data} holds other sprites than another process has; give all of them the same")
        start = load_model(config.start) if config.start else None
        self.spec = spec_for(config, data, start[1] if start else None)
        if config.model.widths is None:  # else it was checked before the sprites were known
            check_levels(self.spec.model)
        with main_first():
            check_training_fits(self.spec, config.optim, device)
        torch.manual_seed(config.seed)
        self.model = self.spec.build().to(device).train()
        self.taken = take_over(self.model, self.spec, *start) if start else None
        self.network = self._parallel()
        self.ema = EMA(self.model, config.optim.ema)
        self.kept = Kept(self.ema.model) if config.copies or (config.patience and len(data.val)) else None
        self.diffusion = self.spec.build_diffusion().to(device)
        self.optimizers = Optimizers(self.model, config.optim, self.taken or Taken())
        self.batches = Batches(config, data, self.spec, len(self.diffusion.schedule), device)
        self.captured: Captured | None = None
        self.ahead: tuple[Batch, dict[str, Tensor]] | None = None
        self.autocast = autocast_dtype(config.optim.precision, device)
        self.step, self.finished = 0, False
        self.skipped = self.skipped_in_a_row = 0
        self.means = GroupMeans(
            {
                "loss_by_timestep": [f"quartile_{q}" for q in (1, 2, 3, 4)],
                "loss_by_category": list(sprites.categories),
                "loss_by_context": ["masked", "kept"],
                "loss": ["train"],
            }
        )

    def train(self, hooks: Hooks = Hooks()) -> int | None:
        """Run to the last step. Returns None, or the number of the signal that stopped it after saving.

        Raises NonFiniteLoss, leaving the last checkpoint as it is, and OSError if the end of the run cannot be saved.
        """
        steps, stopped_by, clock = self.config.steps, 0, Clock(self.step)
        bar = progress(total=steps, initial=self.step, unit="step", disable=not is_main())
        with interruptible() as caught, bar, closing(self.batches.stream):
            if self.step == 0 and is_main():  # from here on there is something to resume; the folder can be written to
                self.save()  # before the curves, which alone could be those of a long run whose weights were removed
                hooks.save()
            while self.step < steps and not (stopped_by := highest(ENOUGH if self.is_over else max(caught, default=0))):
                try:
                    norm = self.advance()
                except NonFiniteLoss:
                    if is_main():
                        attempt(self.step, hooks.scalars, self.step, {"train/skipped_steps": self.skipped})
                    raise
                if is_main():
                    bar.update()
                    self.write_what_is_due(hooks, norm, clock, bar)
            if is_main():
                if self.step == steps or stopped_by == ENOUGH:
                    self.finish(hooks)
                if stopped_by == ENOUGH:
                    attempt(self.step, hooks.snapshot, self.best[0], self.spec, self.step)
                self.save(hooks.save)
        return None if self.step == steps or stopped_by == ENOUGH else stopped_by

    def advance(self) -> Tensor:
        """Take the next optimiser step, on one batch; returns the norm of the gradient before clipping.

        This is Algorithm 1 of Ho et al. 2020 (arXiv:2006.11239), with contexts hidden at random as classifier-free
        guidance needs it (Ho & Salimans 2022, arXiv:2207.12598, Algorithm 1).
        """
        self.step += 1
        with limited(1):
            batch, groups = self.ahead or self.batches(self.step)
        losses = batch.groups(self.backward(batch))  # a process has whole clips
        losses = gather(losses, self.config.optim.batch // losses.shape[1]).flatten()
        with limited(1):
            return self.follow(losses, groups)

    def follow(self, losses: Tensor, groups: dict[str, Tensor]) -> Tensor:
        """Step along the gradients, unless they are not finite. Returns their norm before clipping."""
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.clip)
        if self.device.type == "cuda":  # which is still computing: meanwhile the next batch can be made
            self.ahead = self.batches(self.step + 1) if self.step < self.config.steps else None
        if not norm.isfinite():
            self.skip(f"loss {losses.mean().item():g}, gradient norm {norm.item():g}")
            return norm
        self.skipped_in_a_row = 0
        self.optimizers.step(self.rate)
        self.ema.update(self.model, self.step)
        self.means.add(losses, groups)
        return norm

    @property
    def rate(self) -> float:
        """Factor on the peak learning rates at this step, from 0 to 1."""
        return learning_rate(self.step, self.config.steps, self.config.optim.warmup)

    def backward(self, batch: Batch) -> Tensor:
        """As `accumulated`; on a CPU by `shared`, on a GPU as one CUDA graph, which spares the launch of kernels."""
        if world() > 1:
            return self.accumulated(batch)
        if self.device.type == "cpu":
            return self.shared(batch)
        if self.captured is None:
            self.captured = Captured(self.accumulated, self.model, batch)
        return self.captured(batch)

    def accumulated(self, batch: Batch) -> Tensor:
        """Accumulate the gradient of the mean loss of the whole batch. Returns the loss of each of this process's
        samples, [n]."""
        losses, count = [], self.config.optim.accumulate
        for i, part in enumerate(batch.split(count)):
            with averaged(self.network, now=i == count - 1):
                losses.append(self.losses(part))
                # The gradients are averaged over the processes, whose shares may differ by a sample.
                (losses[-1].sum() * world() / self.config.optim.batch).backward()
        return torch.cat(losses).detach()

    def shared(self, batch: Batch) -> Tensor:
        """As `accumulated`, by all cores."""
        losses = []
        for some in batch.split(self.config.optim.accumulate):
            parts = some.split(shares(len(some.x0), self.device))
            losses.append(add_gradients(self.model, self.losses, parts, 1 / self.config.optim.batch))
        return torch.cat(losses)

    def losses(self, batch: Batch) -> Tensor:
        """The loss of each sample, [n]."""
        # Weights that autocast keeps from one part to the next cannot be captured.
        half = self.autocast is not None
        with torch.autocast(self.device.type, self.autocast, enabled=half, cache_enabled=world() > 1):
            more = {"frames": batch.frames} if batch.frames else {}
            return self.diffusion.loss(self.network, batch.x0, batch.context, batch.t, batch.eps, **more)

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

    def write_what_is_due(self, hooks: Hooks, norm: Tensor, clock: Clock, bar: tqdm) -> None:
        """Have written what is due after this step: curves, validation, early weights, pictures, judging, a checkpoint.

        A file system that will not have it does not end the run. norm: of the gradient of this step.
        """
        log, average, write = self.config.log, self.ema.model, partial(attempt, self.step)
        if self.is_due(log.every):
            scalars = self.scalars(norm, clock)
            write(hooks.scalars, self.step, scalars)
            loss, rate = scalars.get("loss/train", math.nan), scalars["train/sprites_per_second"]
            bar.set_postfix_str(f"loss {loss:.4f}, {rate:.0f} sprites/s")
        if self.is_due(log.validate) and len(self.data.val):
            loss = self.validation_loss()
            write(hooks.scalars, self.step, {"loss/validation": loss})
            if self.kept and self.config.patience:
                self.kept.offer(average, loss, self.step, self.config.patience)
        if self.kept and self.is_due(self.config.copies):
            self.kept.over = bool(write(hooks.by_heart, average, self.spec, self.step)) or self.kept.over
            if not self.kept.over and not self.config.patience:
                self.kept.take(average, self.step)
        if self.step == self.config.steps:
            self.finish(hooks)
        if self.step == max(1, round(log.early * self.config.steps)):
            write(save_model, self.config.out / EARLY_FILE, average, self.spec, self.step)
        if self.is_due(log.snapshot):
            write(hooks.snapshot, average, self.spec, self.step)
        if self.is_due(log.evaluate):
            write(hooks.scalars, self.step, write(hooks.evaluate, average, self.spec, self.step) or {})
        # Not where steps are skipped: such weights may be what makes the loss not finite.
        if self.is_due(log.checkpoint) and self.step < self.config.steps and not self.skipped_in_a_row:
            write(self.save, hooks.save)
        if self.is_due(log.snapshot) or self.is_due(log.evaluate):
            clock.restart(self.step)  # their time is not that of the steps

    def finish(self, hooks: Hooks) -> None:
        """Fill in, once, what only the trained network can tell."""
        if not self.finished:
            self.spec, self.finished = hooks.finish(self.best[0], self.spec), True

    @property
    def is_over(self) -> bool:
        """Whether training has gone too far, by the settings `patience` and `copies`."""
        return self.kept is not None and self.kept.over

    @property
    def best(self) -> tuple[nn.Module, int]:
        """The averaged network that is the model of the run, and the step that it is of."""
        return (self.kept.model, self.kept.step) if self.kept and self.kept.step else (self.ema.model, self.step)

    def is_due(self, every: int) -> bool:
        """Whether this step is one of every so many, or the last; 0 is never."""
        return every > 0 and (self.step % every == 0 or self.step == self.config.steps)

    def scalars(self, norm: Tensor, clock: Clock) -> dict[str, float]:
        """Means of the losses since the last call, and how training goes at this step."""
        return self.means.pop() | {
            "train/learning_rate": self.config.optim.lr * self.rate,
            "train/gradient_norm": norm.item(),
            "train/skipped_steps": self.skipped,
            "train/sprites_per_second": clock.rate(self.step) * self.config.optim.batch,
        }

    def validation_loss(self) -> float:
        """Loss of the EMA weights on held-out sprites with context, with the same timesteps and noise every time."""
        x0, context = self.data.validation()
        times = -(-VALIDATION_LEAST // len(x0))
        x0, context = x0.repeat(times, 1, 1, 1), context.repeat(times, 1)
        g = generator(self.config.seed, VALIDATION)
        loss, _ = comparable_losses(self.diffusion, self.ema.model, x0, context, g)
        return loss.mean().item()

    def _parallel(self) -> nn.Module:
        """The network, its gradients averaged over the processes.

        After its first backward pass DDP regroups gradients, which changes rounding. One dummy pass is run here, so
        that a resumed process matches one in mid-run.
        """
        network = parallel(self.model)
        if world() > 1:
            x = torch.zeros(1, self.spec.channels, self.spec.size, self.spec.size, device=self.device)
            context = torch.zeros(1, self.spec.places, device=self.device)
            t = torch.zeros(1, dtype=torch.long, device=self.device)
            sees = torch.ones(1, 1, 1, dtype=torch.bool, device=self.device)
            more = {"frames": Frames(t, t + 1, sees)} if self.spec.model.frames > 1 else {}
            network(x, t, context, **more).sum().backward()
            self.model.zero_grad()
        return network

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "ema": self.ema.model}

    @property
    def precision(self) -> str:
        return "float32" if self.autocast is None else "bfloat16"

    @property
    def parts(self) -> dict[str, Stateful]:
        """All that a checkpoint keeps, but for the optimisers and a few numbers."""
        return self.modules | {"means": self.means} | ({"kept": self.kept} if self.kept else {})

    def save(self, first: Callable[[], object] = nothing) -> None:
        """Call `first`, write the EMA weights as the run's model, then a checkpoint: where one is, there is a model."""
        first()
        self.config.out.mkdir(parents=True, exist_ok=True)
        model, step = self.best
        save_model(self.config.out / MODEL_FILE, model, self.spec, step)
        metadata = to_dict(Progress(self.step, self.skipped, self.skipped_in_a_row, self.facts))
        save_checkpoint(self.config.out, metadata, self.parts, self.optimizers.parts, self.config.log.keep)

    def _check_predicts(self) -> None:
        """Raise ValueError if the network of the run predicts another thing than this one, as where an earlier version
        of this project chose it."""
        try:
            spec = spec_of(read_model(self.config.out)[1])
        except ValueError:  # it is missing or damaged, and will be written anew
            return
        if spec.prediction != self.spec.prediction:
            raise ValueError(
                f"{self.config.out} was begun by a version that chose to predict {spec.prediction} where this one "
                f"predicts {self.spec.prediction}; go on from its weights by --from {self.config.out} in another --out"
            )

    def resume(self) -> Path:
        """Go back to the newest whole checkpoint of the run, and return its path; damaged ones are told on stderr.

        Raises ValueError when there is none, when the data or what is predicted is not what the run began with, and
        when another process finds another checkpoint.
        """
        with main_first():  # it sets the damaged ones aside
            path, tensors, metadata = newest_checkpoint(self.config.out)
            then = from_dict(Progress, metadata)
            named = path.stem == f"step_{then.step:08d}"
            if not named or not 0 <= then.skipped_in_a_row <= then.skipped <= then.step:
                raise ValueError(f"{path}: it cannot be at step {then.step} with {then.skipped} steps skipped")
            self._check_predicts()
            if then.step > self.config.steps:
                raise ValueError(f"{path} is beyond the {self.config.steps} steps asked for; give {then.step} or more")
            for name, now in self.facts.items():
                if then.data.get(name, now if name == "palette" else None) != now:  # runs of old have no palette
                    raise ValueError(
                        f"the data is not what the run began with: {name} then {then.data.get(name)}, now {now}; "
                        "give the old data, or start anew with another --out"
                    )
            restore(tensors, self.parts, self.optimizers.parts, begun=then.step > then.skipped)
        if not alike(then.step):
            raise ValueError(f"{path} is not what another process found; the run folder must be one for all")
        self.step, self.skipped, self.skipped_in_a_row = then.step, then.skipped, then.skipped_in_a_row
        return path
