"""The training loop.

Everything random in step k is drawn from generators seeded with (seed, k): a resumed run goes on as if never stopped.
The loop knows neither samplers nor metrics nor TensorBoard: it calls `on_scalars(step, {name: value})`,
`on_snapshot(model, step)`, `on_evaluate(model, step)`, which returns scalars, and `on_save()`.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ddpm.checkpoint import (
    EARLY_FILE,
    MODEL_FILE,
    ModelSpec,
    Stateful,
    newest_checkpoint,
    restore,
    save_checkpoint,
    save_model,
)
from ddpm.cli import attempt
from ddpm.config import Config
from ddpm.context import mask_context, one_hot
from ddpm.data import STEP, VALIDATION, ShuffledOrder, SpriteData, generator
from ddpm.ema import EMA
from ddpm.optim import Optimizers
from ddpm.precision import autocast_dtype
from ddpm.prediction import stratified_timesteps

OnScalars = Callable[[int, dict[str, float]], None]
OnSnapshot = Callable[[torch.nn.Module, int], None]
OnEvaluate = Callable[[torch.nn.Module, int], dict[str, float]]
OnSave = Callable[[], object]  # before a checkpoint is written

SKIPPED_MOST = 10  # steps in a row that may be skipped


class NonFiniteLoss(RuntimeError):
    """The loss or its gradient was infinite or NaN in too many steps in a row."""


def learning_rate(step: int, steps: int, warmup: int) -> float:
    """Factor on the peak learning rate at step 1 ... steps: a linear rise times a cosine fall to zero."""
    rise = min(1.0, step / max(warmup, 1))
    return rise * 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))


class GroupMeans:
    """Running means of per-sample losses by group, over the steps since the last `pop`.

    names: for each kind of group, the names of its groups.
    """

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.sums: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        return self.sums

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.sums = dict(state)

    def add(self, losses: Tensor, groups: dict[str, Tensor]) -> None:
        """losses float [B]; groups: for each kind of group, its index for each sample, int64 [B]."""
        for kind, index in groups.items():
            pair = torch.stack([losses, torch.ones_like(losses)])
            sums = torch.zeros(2, len(self.names[kind])).index_add_(1, index, pair)
            self.sums[kind] = self.sums.get(kind, 0) + sums

    def pop(self) -> dict[str, float]:
        """{"kind/name": mean} of the groups that had samples; starts anew."""
        means = {
            f"{kind}/{name}": (total / count).item()
            for kind, sums in self.sums.items()
            for name, total, count in zip(self.names[kind], *sums, strict=True)
            if count
        }
        self.sums = {}
        return means


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in the list given, instead of dying of them, so that the loop can save and leave.

    A second one is not waited for: it raises KeyboardInterrupt.
    """
    caught: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)

    def catch(number: int, _) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt

    before = [signal.signal(s, catch) for s in signals]
    try:
        yield caught
    finally:
        for s, handler in zip(signals, before, strict=True):
            signal.signal(s, handler)


class Clock:
    """Steps a second since it was last asked."""

    def __init__(self, step: int):
        self.step, self.time = step, time.monotonic()

    def rate(self, step: int) -> float:
        now = time.monotonic()
        rate = (step - self.step) / (now - self.time)
        self.step, self.time = step, now
        return rate


class Trainer:
    """Trains a ContextUNet on sprites as `config` says and leaves checkpoints and EMA weights in `config.out`."""

    def __init__(self, config: Config, data: SpriteData, device: torch.device):
        self.config, self.data, self.device = config, data, device
        sprites = data.sprites
        self.spec = ModelSpec(sprites.size, sprites.channels, sprites.categories, config.model, config.diffusion)
        torch.manual_seed(config.seed)
        self.model = self.spec.build().to(device).train()
        self.ema = EMA(self.model, config.optim.ema)
        self.diffusion = self.spec.build_diffusion()
        self.optimizers = Optimizers(self.model, config.optim)
        self.order = ShuffledOrder(len(data.train), config.seed)
        self.autocast = autocast_dtype(config.optim.precision, device)
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

        Raises ValueError when there is none, and when the data is not what the run began with.
        """
        path, tensors, about = newest_checkpoint(self.config.out)
        for name, now in self.data.facts().items():
            if about["data"][name] != now:
                raise ValueError(
                    f"the data is not what the run began with: {name} then {about['data'][name]}, now {now}; "
                    "give the old data, or start anew with another --out"
                )
        restore(tensors, self.parts, self.optimizers.parts)
        self.step, self.skipped, self.skipped_in_a_row = (about[k] for k in ("step", "skipped", "skipped_in_a_row"))
        return path

    def save(self) -> None:
        """Write the EMA weights as the run's model, then a checkpoint: where that is, there is a model too."""
        save_model(self.config.out / MODEL_FILE, self.ema.model, self.spec, self.step)
        about = {"step": self.step, "skipped": self.skipped, "skipped_in_a_row": self.skipped_in_a_row}
        about["data"] = self.data.facts()
        save_checkpoint(self.config.out, about, self.parts, self.optimizers.parts, self.config.log.keep)

    def train(
        self,
        on_scalars: OnScalars,
        on_snapshot: OnSnapshot,
        on_evaluate: OnEvaluate,
        on_save: OnSave = lambda: None,
    ) -> int | None:
        """Run to the last step. Returns None, or the number of the signal that stopped it after saving.

        `on_save` has what it holds back written, or a run that is killed and resumed would lack it. Raises
        NonFiniteLoss, leaving the last checkpoint as it is, and OSError if the end of the run cannot be saved.
        """
        config, log = self.config, self.config.log
        clock = Clock(self.step)

        def save() -> None:
            attempt(self.step, on_save)
            self.save()

        with interruptible() as caught, tqdm(total=config.steps, initial=self.step, unit="step") as bar:
            if self.step == 0:
                save()  # from here on there is something to resume, and the folder can be written to
            while self.step < config.steps and not caught:
                try:
                    norm = self.advance()
                except NonFiniteLoss:
                    attempt(self.step, on_scalars, self.step, {"train/skipped_steps": self.skipped})
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
                    attempt(self.step, on_scalars, self.step, scalars)
                    bar.set_postfix_str(f"loss {scalars.get('loss/train', math.nan):.4f}, {rate:.0f} sprites/s")
                if self._due(log.validate) and len(self.data.val):
                    attempt(self.step, on_scalars, self.step, {"loss/validation": self.validation_loss()})
                if self.step == max(1, round(log.early * config.steps)):
                    early = config.out / EARLY_FILE
                    attempt(self.step, save_model, early, self.ema.model, self.spec, self.step)
                if self._due(log.snapshot):
                    attempt(self.step, on_snapshot, self.ema.model, self.step)
                if self._due(log.evaluate):
                    figures = attempt(self.step, on_evaluate, self.ema.model, self.step)
                    attempt(self.step, on_scalars, self.step, figures or {})
                # Not where steps are skipped: such weights may be what makes the loss not finite.
                if self._due(log.checkpoint) and self.step < config.steps and not self.skipped_in_a_row:
                    attempt(self.step, save)
                if self._due(log.snapshot) or self._due(log.evaluate):
                    clock = Clock(self.step)  # their time is not that of the steps
            save()
        return caught[0] if self.step < config.steps else None

    def _due(self, every: int) -> bool:
        """Whether this step is one of every so many, or the last; 0 is never."""
        return every > 0 and (self.step % every == 0 or self.step == self.config.steps)

    def advance(self) -> Tensor:
        """Take the next optimiser step, on one batch; returns the norm of the gradient before clipping."""
        config, optim = self.config, self.config.optim
        self.step += 1
        g = generator(config.seed, STEP, self.step)
        indices = self.data.train[self.order((self.step - 1) * optim.batch, optim.batch)]
        x0, labels = self.data.batch(indices, flip=g)
        context, kept = mask_context(one_hot(labels, len(self.spec.categories)), config.keep_context, g)
        t = stratified_timesteps(len(x0), len(self.diffusion.schedule), g)
        eps = torch.randn(x0.shape, generator=g)

        with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
            losses = self.diffusion.loss(self.model, *(a.to(self.device) for a in (x0, context, t, eps)))
        losses.mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optim.clip)
        if not norm.isfinite():
            self.skip(f"loss {losses.mean().item():g}, gradient norm {norm.item():g}")
            return norm
        self.skipped_in_a_row = 0
        self.optimizers.step(learning_rate(self.step, config.steps, optim.warmup))
        self.ema.update(self.model, self.step)

        groups = {
            "loss_by_timestep": t * 4 // len(self.diffusion.schedule),
            "loss_by_category": labels,
            "loss_by_context": kept.long(),
            "loss": torch.zeros_like(labels),
        }
        self.means.add(losses.detach().cpu(), groups)
        return norm

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
        x0, labels = self.data.validation()
        g = generator(self.config.seed, VALIDATION)
        t = stratified_timesteps(len(x0), len(self.diffusion.schedule), g)
        eps = torch.randn(x0.shape, generator=g)
        context = one_hot(labels, len(self.spec.categories))
        parts = zip(*(a.to(self.device).split(128) for a in (x0, context, t, eps)), strict=True)
        return torch.cat([self.diffusion.loss(self.ema.model, *part) for part in parts]).mean().item()
