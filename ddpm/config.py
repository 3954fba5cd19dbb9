"""Typed settings. A TOML file says how a run differs from these defaults; dotted flags override both."""

import math
import re
import tomllib
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import tomli_w
import tyro
from typing_extensions import Doc

from ddpm.system.devices import DeviceName
from ddpm.system.names import choices, near
from ddpm.system.settings import (
    FINITE,
    FINITE_LIST,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_FINITE,
    Settings,
    between,
    flat,
    from_dict,
    length,
    to_dict,
)
from sprites.files import parse_toml, read_text

SAMPLER_NAMES = ("auto", *choices("ddpm.diffusion.samplers", "SAMPLERS"))
FORM_NAMES = choices("ddpm.diffusion.forms", "FORMS")
if TYPE_CHECKING:
    SamplerName = str
    GridName = str
    ScheduleName = str
    GeneratorName = str
else:
    SamplerName = Literal[SAMPLER_NAMES]
    GridName = Literal[choices("ddpm.diffusion.schedule", "GRIDS")]
    ScheduleName = Literal[choices("ddpm.diffusion.schedule", "ALPHA_BARS")]
    GeneratorName = Literal["none", *choices("sprites.endless", "GENERATORS")]
PredictionName = Literal["auto", "colours", "eps", "x0", "v"]
Rate = Annotated[float, POSITIVE, POSITIVE_FINITE]
Share = Annotated[float, between(0, 1)]
Count = Annotated[int, POSITIVE]
Seed = Annotated[int, NOT_NEGATIVE, between(0, 2**63 - 1)]


@dataclass(frozen=True)
class ModelConfig(Settings, table="model"):
    """The ContextUNet (see ddpm/network/unet.py)."""

    WIDTHS: ClassVar[tuple[int, ...]] = (64, 64, 96)
    """Channels of the levels of up to 16x16."""
    FINE: ClassVar[int] = 32
    """Channels of a level above them, where sprites are larger: few, since it costs four times as much."""

    widths: Annotated[tuple[int, ...] | None, length(1, 8), between(8, 8192)] = None
    """Channels of each level, from the full resolution down; left out, 64 64 96, and 32 before them for sprites of
    more than 16 pixels."""
    blocks: Annotated[int, between(1, 64)] = 1
    """Residual blocks a level on the way down; as many on the way up."""
    attention: Annotated[tuple[int, ...] | None, length(0, 8), between(0, 7)] = None
    """Levels with self-attention, 0 being the full resolution; left out, the lowest alone."""
    patch: Annotated[int | None, between(1, 64)] = None
    """Fold pixels into patches of this edge first, to work at a lower resolution; left out, the smallest with which no
    more than 32x32 are left."""
    separable: Annotated[tuple[int, ...], length(0, 8), between(0, 7)] = ()
    """Levels whose blocks convolve each channel by itself, then all by 1x1: a fraction of the operations. With 0, the
    full resolution, training comes further in as much time (docs/experiments.md)."""
    mask_tags: bool = True
    """Pixels do not attend to tags that are left open; false: they do, as to tokens of zeros, to compare with."""

    frames: Annotated[int, between(1, 64)] = 1
    """Frames of the clips that are learnt with `clips`, each of which sees those before it; 1: stills alone."""
    pointer: bool = True
    """Where colours are predicted, of pixels that are not in patches, the frames of clips also point at pixels of those
    before them; false: they do not, to compare with."""

    def for_size(self, size: int) -> Self:
        """With what is left out filled in for sprites of this size, in pixels."""
        patch = self.patch or -(-size // 32)
        fine = (self.FINE,) if size > 16 * patch else ()
        widths = self.widths or (*fine, *self.WIDTHS)
        attention = (len(widths) - 1,) if self.attention is None else self.attention
        return replace(self, widths=widths, attention=attention, patch=patch)


@dataclass(frozen=True)
class DiffusionConfig(Settings, table="diffusion"):
    """Noise schedule and prediction (see ddpm/diffusion/schedule.py and ddpm/diffusion/prediction.py)."""

    schedule: ScheduleName = "cosine"
    timesteps: Annotated[int, between(2, 100_000)] = 1000
    zero_terminal_snr: bool = False
    """Rescale the schedule so that the last timestep is pure noise."""
    log_snr_shift: Annotated[float | None, between(-20, 20)] = None
    """Added to the log-SNR of the schedule; left out, -2 log(size / 16) for sprites of more than 16 pixels, of which
    the same noise hides less."""
    prediction: PredictionName = "auto"
    """colours: how likely each colour of the palette is in each pixel. auto: colours if there is a palette; else as the
    model that is started from, or x0 if that predicts colours; else x0."""
    loss_weight: Literal["auto", "none", "min_snr", "v"] = "auto"
    """Weight of the squared error over levels of noise; v: the weight that it would have if v were predicted. auto: v
    where x0 is predicted, else none."""

    def predicted(self, has_palette: bool) -> PredictionName:
        """What is predicted, chosen for sprites with a palette or without if it is left to choose."""
        auto: PredictionName = "colours" if has_palette else "x0"
        return auto if self.prediction == "auto" else self.prediction

    def for_sprites(self, size: int, has_palette: bool) -> Self:
        """With what is left to choose chosen for sprites of this size, in pixels."""
        kind = self.predicted(has_palette)
        weight = ("v" if kind == "x0" else "none") if self.loss_weight == "auto" else self.loss_weight
        shift = -2 * math.log(max(1, size / 16)) if self.log_snr_shift is None else self.log_snr_shift
        return replace(self, prediction=kind, loss_weight=weight, log_snr_shift=shift)


@dataclass(frozen=True)
class StudentConfig:
    """What a distilled network learnt: it takes the guidance scale as an input, and few steps.

    See ddpm/training/distillation.py."""

    knots: tuple[int, ...]
    """Steps of its teacher, counted from 0, with which its own begin: more of them where the way bends most."""
    teacher_steps: int
    scales: tuple[float, float] = (0.0, 4.0)
    """Lowest and highest guidance scale that it was trained for."""

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in pairwise(self.knots))
        if not self.knots or self.knots[0] != 0 or not rising or self.knots[-1] >= self.teacher_steps:
            raise ValueError(
                f"knots must rise from 0 and stay below the {self.teacher_steps} steps of the teacher, "
                f"got {', '.join(map(str, self.knots))}"
            )
        low, high = self.scales
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"scales must be a lowest and a highest guidance scale, got {low:g} and {high:g}")


@dataclass(frozen=True)
class Sampling(Settings):
    """How to sample. The names are those of the tables in ddpm/diffusion/: SAMPLERS, GRIDS and FORMS."""

    form: Annotated[
        str,
        Doc(
            f"Form of guidance: {', '.join(FORM_NAMES)}, or several joined by +; numbers after = replace the usual "
            "ones, as in interval=0.5:20. usual: interval with samplers that draw noise anew at each step "
            "(dpmpp_2m_sde, ddpm), else cfg. An interval limits scales above 1 to these noise levels; it is dropped "
            "where it holds no step, and for guidance over the frames before. Other forms guide at all steps."
        ),
    ] = "usual"
    sampler: SamplerName = "auto"
    """auto: dpmpp_2m_sde for a model that predicts colours or x0, else dpmpp_2m."""
    steps: Annotated[int | None, POSITIVE] = None
    """Steps of the sampler, up to the timesteps the model was trained with; left out, 12 of dpmpp_2m_sde, 8 of
    dpmpp_2m, 10 of heun, 50 of ddim, all of ddpm. Each is one call of the network, for heun two."""
    grid: GridName = "middle"
    """How the steps are placed: evenly in log-SNR, over the range where a sprite takes shape (middle) or over all of
    it (log_snr); evenly in time (uniform); or as Karras et al. 2022 do."""
    palette: str = "auto"
    """Every opaque pixel gets exactly one of these colours. auto: the palette that the model was trained with, if any;
    none; a number: so many, chosen for what the model samples; or a palette file (.hex, .gpl, .pal, .png)."""
    colours: Annotated[int | None, POSITIVE] = None
    """At most so many colours in a sprite; left out, a model with a palette takes no more than its training sprites."""
    complete: bool = True
    """Of a model of tags: what is left open is drawn for each sprite, from the tags of training sprites that have those
    asked for. Off, and in sums, mixtures and edits, the network decides it."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bfloat16 where the processor computes in it, else float32."""
    seed: Seed = 0

    @classmethod
    def parse(cls, form: str, sampler: str, seed: int) -> Self:
        """The settings for a form and a sampler in short, "heun:10" or "heun:10:karras"; "auto" is what suits the
        model, in its usual steps. ValueError for anything else."""
        if sampler == "auto":
            return cls(form=form, seed=seed)
        found = re.fullmatch(r"(\w+):(\d{1,9})(?::(\w+))?", sampler)
        name, steps, grid = found.groups(cls.grid) if found else ("", "", "")
        grids = choices("ddpm.diffusion.schedule", "GRIDS")
        if name not in SAMPLER_NAMES or grid not in grids:
            expected = f"expected auto, or {'|'.join(SAMPLER_NAMES)}, then :STEPS and, if you like, :{'|'.join(grids)}"
            raise ValueError(f"sampler {sampler!r}: {expected}")
        return cls(form=form, sampler=name, steps=int(steps), grid=grid, seed=seed)


@dataclass(frozen=True)
class OptimConfig(Settings, table="optim"):
    """Optimiser, learning rate and averaging."""

    batch: Annotated[Count, between(1, 2**16)] = 64
    """Sprites a step, of all processes together."""
    accumulate: Count = 1
    """Parts that each process takes its share of the batch in, one after the other, to need less memory."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """muon: Muon for the hidden convolutions and AdamW for the rest. adamw: AdamW for all."""
    lr: Rate = 2e-3
    """Peak learning rate of AdamW, from `warmup` steps on; it falls to zero over the last 0.4 of the steps."""
    muon_lr: Rate = 0.02
    """That of Muon, which rises and falls with it."""
    kept_rate: Rate = 1.0
    """Factor on the learning rates of the weights that are taken over from the model that a run starts from; Muon's
    are relative to the size of these weights, too."""
    muon_momentum: Share = 0.9
    """Not the usual 0.95: runs of a few hundred steps end nearer (docs/experiments.md)."""
    warmup: Annotated[int, NOT_NEGATIVE] = 100
    weight_decay: Annotated[float, NOT_NEGATIVE, FINITE] = 0.01
    clip: Rate = 1.0
    """Largest norm of the gradient."""
    ema: Share = 0.999
    """Decay of the averaged weights."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bfloat16 autocast where the processor computes in it, else float32."""


@dataclass(frozen=True)
class LogConfig(Settings, table="log"):
    """What is written when, in steps."""

    every: Count = 50
    """Curves."""
    validate: Count = 500
    snapshot: Count = 1000
    """Picture grids."""
    checkpoint: Count = 1000
    keep: Count = 2
    """Checkpoints kept."""
    early: Share = 0.15
    """Share of the steps after which the averaged weights are kept as early.safetensors, for autoguidance."""
    evaluate: Annotated[int, NOT_NEGATIVE] = 1000
    """Judging of samples; the weights with the lowest Frechet distance are kept as best.safetensors. 0: never."""
    evaluate_count: Annotated[Count, between(1, 100_000)] = 40
    """Sprites per category that are judged."""
    evaluate_guidance: Annotated[float, FINITE] = 1.5
    """Guidance scale of the sprites that are judged."""
    guidance: Annotated[tuple[float, ...], FINITE_LIST] = (0.0, 1.0, 2.0, 4.0)
    """Guidance scales of the picture grids."""
    count: Annotated[Count, between(1, 10_000)] = 4
    """Sprites per category and scale in the picture grids."""


@dataclass(frozen=True)
class RunConfig(Settings):
    """Where a run is, how long it takes, and what it computes on."""

    data: Path = Path("sprites")
    """Folder of sprites: a sprite set, an npy pair, or a folder per category."""
    out: Path = Path("runs/sprites")
    """Run folder: config, weights, checkpoints, pictures and TensorBoard curves."""
    steps: Annotated[int, between(0, 10**9)] = 3000
    """Optimiser steps. 0: as suits the number n of training sprites, 12.5 n^(2/3); 50 to 3,000."""
    patience: Annotated[int, between(0, 10**6)] = 0
    """Stop after so many validations whose loss is not lower than one before, and have the weights with the lowest as
    the model. 0: train to the last step, and have its weights."""
    copies: Annotated[int, between(0, 10**9)] = 0
    """Look after every so many steps whether sprites were learnt by heart: if so stop, and have the weights of the look
    before as the model. 0: never."""
    seed: Seed = 0
    device: DeviceName = "auto"
    deterministic: bool = False
    """The same bits in every run on a GPU too, for some of its speed; a CPU gives them anyway."""


@dataclass(frozen=True)
class DataConfig(Settings):
    """All that decides how a folder of sprites becomes tensors: see ddpm/data/loading.py."""

    size: int | None = None
    """Size in pixels that the sprites must have; left out, it comes from the data."""
    resize: Literal["nearest", "box"] | None = None
    """Resample sprites of another size, by the nearest pixel or by averaging; left out, they are an error."""
    mirror: tuple[str, ...] = ()
    """Categories whose sprites may be flipped left to right in training; ["*"] means all."""
    val_fraction: Annotated[float, between(0, 0.5)] = 0.05
    """Share of distinct sprites held out for validation."""
    palette: str = "auto"
    """The colours of all sprites. auto: those of the set, if they are at most 256; none; a number: so many, chosen for
    the set; or a palette file (.hex, .gpl, .pal, .png). Sprites are brought to the nearest of them."""
    tags: bool = False
    """Learn the tags of the folder's tags.csv too, as tokens that the pixels attend to."""
    clips: Share = 0.0
    """Share of the frames of a training batch that are frames of clips, cycles such as walks, `model.frames` of each;
    the others are stills. 0: stills alone."""
    hold_out: tuple[str, ...] = ()
    """Tags that are never seen together in training, as "kind=knight colour=red": sprites with both are held out."""


@dataclass(frozen=True)
class Config(DataConfig, RunConfig):
    """A training run: its place, its data, how much of their contexts is kept, and four tables of more."""

    start: Annotated[Path | None, tyro.conf.arg(aliases=("--from",))] = None
    """The model to start from: a run folder, a .safetensors file, or the name of one that comes along. What fits of its
    weights is taken over, and of its settings under `model` those that are left open. auto: of those that come along
    the one that suits, shipped where colours are predicted or tags learnt, else base. Left out: from nothing."""
    shift: Annotated[int, between(0, 64)] = 0
    """Move training sprites by up to so many pixels each way, as far as nothing of them is lost, in the first three
    quarters of the steps; of n > 200 sprites in the first 150 / n of them."""
    endless: GeneratorName = "none"
    """Train on sprites that this generator draws meanwhile, without end; `data` gives the palette, the tags that can be
    learnt, and what is validated on."""
    passes: Count = 1
    """How many times what `endless` draws is trained on; more for a machine that trains faster than it draws."""
    rare: Share = 0.0
    """How much oftener than `endless` draws them sprites with rare tags are trained on: of three that it draws one is
    taken, with chances in proportion to 1 / n**rare, where n sprites have its rarest tag."""
    keep_tag: Share = 0.9
    """Probability with which each tag of a training sample is kept."""
    few_tags: Share = 0.5
    """Share of the training samples that keep few of their tags, one alone most often, whatever `keep_tag` says."""
    category_alone: Share = 0.0
    """Share of the training samples that keep their category and no other tag."""
    keep_context: Share = 0.9
    """Probability with which a training sample keeps its context."""
    keep_history: Share = 0.9
    """Probability with which the frames of a training clip see those before them."""
    model: ModelConfig = field(default_factory=ModelConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def for_data(self, count: int, has_palette: bool) -> Self:
        """With the number of steps and the model to start from chosen for so many training sprites, with a palette or
        without, where they are left to that."""
        steps = self.steps or min(max(50, math.ceil(12.5 * count ** (2 / 3))), 3000)
        start = self.start
        if start == Path("auto"):
            colours = self.diffusion.predicted(has_palette) == "colours"
            start = Path("shipped" if colours or self.tags else "base")
        return replace(self, steps=steps, start=start)


def check_levels(model: ModelConfig) -> None:
    """Raise ValueError for a level that the network does not have, where that is known already.

    It is for new runs: networks were trained with such settings, without that attention, and their files can be read.
    """
    levels = len(model.widths or ())
    for name in ("attention", "separable"):
        wrong = [str(level) for level in getattr(model, name) or () if level >= levels]
        if levels and wrong:
            there = f"the levels are 0 to {levels - 1}" if levels > 1 else "the only level is 0"
            raise ValueError(
                f"model.{name} names level {', '.join(wrong)}, but {there}, one for each of model.widths; name other "
                f"levels, or none ({name} = [] in the config, or --model.{name} with nothing after it)"
            )


def without_effect(config: Config, resolved: DiffusionConfig) -> list[str]:
    """A line for each setting that was changed where another, or the data, makes it do nothing."""
    idle = {
        "without tags": (not config.tags, ("keep_tag", "few_tags", "category_alone", "model.mask_tags")),
        "with optim.optimizer = adamw": (config.optim.optimizer == "adamw", ("optim.muon_lr", "optim.muon_momentum")),
        "where colours are predicted": (resolved.prediction == "colours", ("diffusion.loss_weight",)),
        "where no colours are predicted": (resolved.prediction not in ("auto", "colours"), ("model.pointer",)),
        "with log.evaluate = 0": (not config.log.evaluate, ("log.evaluate_count", "log.evaluate_guidance")),
        "with val_fraction = 0": (not config.val_fraction, ("log.validate", "patience")),
        "without clips": (not config.clips, ("keep_history", "model.frames", "model.pointer")),
        "without endless": (config.endless == "none", ("passes", "rare")),
        "without a model to start from": (not config.start, ("optim.kept_rate",)),
    }
    now, default = flat(config), flat(Config())
    changed = [(name, why) for why, (so, names) in idle.items() for name in names if so and now[name] != default[name]]
    return [f"{name} has no effect {why}" for name, why in changed]


def doubts(config: Config, resolved: DiffusionConfig | None = None) -> list[str]:
    """What in the settings does nothing, or not what is likely meant: a line each. resolved: of a model's spec."""
    optim, log, found = config.optim, config.log, []
    if 0 < config.steps <= optim.warmup:
        found.append(
            f"optim.warmup = {optim.warmup} is not shorter than the run of {config.steps} steps, "
            "so that the learning rate never reaches its peak"
        )
    found += without_effect(config, resolved or config.diffusion)
    if config.keep_context == 1:
        found.append(
            "keep_context = 1 never hides the context, so that guidance has no prediction without it to go from"
        )
    if config.keep_context == 0:
        found.append("keep_context = 0 always hides the context, so that nothing of the categories is learnt")
    if log.early == 1:
        found.append("log.early = 1 keeps the last weights as early.safetensors, which autoguidance cannot tell apart")
    if len(set(log.guidance)) < len(log.guidance):
        found.append("log.guidance names a scale twice, so that columns of the grids are the same")
    return found


def load_config(path: str | Path) -> Config:
    """Read a TOML file of settings. Raises ValueError, naming the file, for anything that is wrong in it."""
    path = Path(path)
    if not path.is_file() and not path.is_symlink():
        others = {p.stem: p for folder in (Path("configs"), path.parent) for p in folder.glob("*.toml")}
        meant = near(path.stem, others)
        hint = f"; did you mean {others[meant]}?" if meant else ", as those in configs/"
        what = "is a folder" if path.is_dir() else "there is no such file" if not path.exists() else "no ordinary file"
        raise ValueError(f"{path}: {what}; expected a TOML file of settings{hint}")
    text = read_text(path)
    try:
        return from_dict(Config, parse_toml(text))
    except tomllib.TOMLDecodeError as e:
        raise ValueError(f"{path}: not TOML: {e}; expected settings such as steps = 3000") from e
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e


def to_toml(config: Config) -> str:
    """The resolved settings as TOML; `load_config` reads them back."""
    return tomli_w.dumps(to_dict(config))
