"""Typed settings. A TOML file says how a run differs from these defaults; dotted flags override both."""

import dataclasses
import difflib
import json
import math
import re
import reprlib
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

import dacite
import tomli_w
from typing_extensions import Doc

from ddpm.system.names import choices
from sprites.files import parse_toml, read_text

T = TypeVar("T")

FORM_NAMES = choices("ddpm.diffusion.forms", "FORMS")
if TYPE_CHECKING:
    SamplerName = GridName = str
else:
    SamplerName = Literal[choices("ddpm.diffusion.samplers", "SAMPLERS")]
    GridName = Literal[choices("ddpm.diffusion.schedule", "GRIDS")]


def check_ranges(*ranges: tuple[str, int, int, int]) -> None:
    """Raise ValueError for a (name, value, low, high) whose value is out of its range; a file may ask for anything."""
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise ValueError(f"{name} must be between {low:,} and {high:,}, got {value}")


@dataclass(frozen=True)
class ModelConfig:
    """The ContextUNet (see ddpm/network/unet.py)."""

    widths: tuple[int, ...] = (64, 64, 96)
    """Channels of each level, from the full resolution down."""
    blocks: int = 1
    """Residual blocks a level on the way down; as many on the way up."""
    attention: tuple[int, ...] = (2,)
    """Levels with self-attention, 0 being the full resolution."""
    patch: int | None = None
    """Fold pixels into patches of this edge first, to work at a lower resolution; left out, size / 16, at least 1."""
    mask_tags: bool = True
    """Pixels do not attend to tags that are left open; false: they do, as to tokens of zeros, to compare with."""

    def __post_init__(self) -> None:
        check_ranges(
            ("number of model.widths", len(self.widths), 1, 8),
            *(("model.widths", width, 8, 8192) for width in self.widths),
            ("model.blocks", self.blocks, 1, 64),
            ("number of levels in model.attention", len(self.attention), 0, 8),
            *(("model.attention", level, 0, 7) for level in self.attention),
            ("model.patch", 1 if self.patch is None else self.patch, 1, 64),
        )


@dataclass(frozen=True)
class DiffusionConfig:
    """Noise schedule and prediction (see ddpm/diffusion/schedule.py and ddpm/diffusion/prediction.py)."""

    schedule: Literal["linear", "cosine"] = "cosine"
    timesteps: int = 1000
    zero_terminal_snr: bool = False
    """Rescale the schedule so that the last timestep is pure noise."""
    prediction: Literal["eps", "x0", "v"] = "v"
    loss_weight: Literal["none", "min_snr"] = "none"

    def __post_init__(self) -> None:
        check_ranges(("diffusion.timesteps", self.timesteps, 2, 100_000))


@dataclass(frozen=True)
class StudentConfig:
    """What a distilled network learnt: it takes the guidance scale as an input, and few steps.

    See ddpm/training/distillation.py."""

    knots: tuple[int, ...] = (0, 3, 4, 5)
    """Steps of its teacher, counted from 0, with which its own begin: more of them where the way bends most."""
    teacher_steps: int = 8
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
class Sampling:
    """How to sample. Raises ValueError for unknown names, a seed that torch cannot take and steps that are none.

    The names are those of the tables in ddpm/diffusion/: SAMPLERS, GRIDS and FORMS.
    """

    STEPS: ClassVar[int] = 8

    form: Annotated[
        str,
        Doc(
            f"Form of guidance: {', '.join(FORM_NAMES)}, or several joined by +; numbers after = "
            "replace the usual ones, as in interval=0.5:20."
        ),
    ] = "cfg"
    sampler: SamplerName = "dpmpp_2m"
    steps: int | None = None
    """Steps of the sampler, up to the timesteps the model was trained with; left out, 8. Each is one call of the
    network, for heun two."""
    grid: GridName = "middle"
    """How the steps are placed: evenly in log-SNR, over the range where a sprite takes shape (middle) or over all of
    it (log_snr); evenly in time (uniform); or as Karras et al. 2022 do."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bfloat16 where the processor computes in it, else float32."""
    seed: int = 0

    def __post_init__(self) -> None:
        for what, name, known in (
            ("sampler", self.sampler, choices("ddpm.diffusion.samplers", "SAMPLERS")),
            ("grid", self.grid, choices("ddpm.diffusion.schedule", "GRIDS")),
            ("precision", self.precision, ("auto", "fp32", "bf16")),
        ):
            if name not in known:
                raise ValueError(f"unknown {what} {name!r}: choose one of {', '.join(known)}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps must be 1 or more, got {self.steps}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed must not be negative, and less than 2**63, got {self.seed}")

    @classmethod
    def parse(cls, form: str, sampler: str, seed: int) -> Self:
        """The settings for a form and a sampler in short, "heun:10" or "heun:10:karras". ValueError for anything
        else."""
        found = re.fullmatch(r"(\w+):(\d{1,9})(?::(\w+))?", sampler)
        name, steps, grid = found.groups(cls.grid) if found else ("", "", "")
        samplers, grids = choices("ddpm.diffusion.samplers", "SAMPLERS"), choices("ddpm.diffusion.schedule", "GRIDS")
        if name not in samplers or grid not in grids:
            expected = f"expected {'|'.join(samplers)}, then :STEPS and, if you like, :{'|'.join(grids)}"
            raise ValueError(f"sampler {sampler!r}: {expected}")
        return cls(form=form, sampler=name, steps=int(steps), grid=grid, seed=seed)


@dataclass(frozen=True)
class OptimConfig:
    """Optimiser, learning rate and averaging."""

    batch: int = 64
    """Sprites a step, of all processes together."""
    accumulate: int = 1
    """Parts that each process takes its share of the batch in, one after the other, to need less memory."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """muon: Muon for the hidden convolutions and AdamW for the rest. adamw: AdamW for all."""
    lr: float = 2e-3
    """Peak learning rate of AdamW, reached after `warmup` steps, then falling to zero along a cosine."""
    muon_lr: float = 0.02
    """That of Muon, which rises and falls with it."""
    muon_momentum: float = 0.9
    """Not the usual 0.95: runs of a few hundred steps end nearer (docs/performance.md)."""
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Decay of the averaged weights."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bfloat16 autocast where the processor computes in it, else float32."""


@dataclass(frozen=True)
class LogConfig:
    """What is written when, in steps."""

    every: int = 50
    """Curves."""
    validate: int = 500
    snapshot: int = 1000
    """Picture grids."""
    checkpoint: int = 1000
    keep: int = 2
    """Checkpoints kept."""
    early: float = 0.15
    """Share of the steps after which the averaged weights are kept as early.safetensors, for autoguidance."""
    evaluate: int = 1000
    """Judging of samples; the weights with the lowest Frechet distance are kept as best.safetensors. 0: never."""
    evaluate_count: int = 40
    """Sprites per category that are judged."""
    evaluate_guidance: float = 1.5
    """Guidance scale of the sprites that are judged."""
    guidance: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
    """Guidance scales of the picture grids."""
    count: int = 4
    """Sprites per category and scale in the picture grids."""


@dataclass(frozen=True)
class Config:
    """A training run."""

    data: Path = Path("sprites")
    """Folder of sprites: a sprite set, an npy pair, or a folder per category."""
    out: Path = Path("runs/sprites")
    """Run folder: config, weights, checkpoints, pictures and TensorBoard curves."""
    steps: int = 3000
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    deterministic: bool = False
    """The same bits in every run on a GPU too, for some of its speed; a CPU gives them anyway."""
    size: int | None = None
    """Size in pixels that the sprites must have; left out, it comes from the data."""
    resize: Literal["nearest", "box"] | None = None
    """Resample sprites of another size, by the nearest pixel or by averaging; left out, they are an error."""
    mirror: tuple[str, ...] = ()
    """Categories whose sprites may be flipped left to right in training; ["*"] means all."""
    val_fraction: float = 0.05
    """Share of distinct sprites held out for validation."""
    tags: bool = False
    """Learn the tags of the folder's tags.csv too, as tokens that the pixels attend to."""
    keep_tag: float = 0.9
    """Probability with which each tag of a training sample is kept."""
    few_tags: float = 0.5
    """Share of the training samples that keep few of their tags, one alone most often, whatever `keep_tag` says."""
    hold_out: tuple[str, ...] = ()
    """Tags that are never seen together in training, as "kind=knight colour=red": sprites with both are held out."""
    keep_context: float = 0.9
    """Probability with which a training sample keeps its context."""
    model: ModelConfig = field(default_factory=ModelConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def __post_init__(self) -> None:
        positive = {"steps": self.steps}
        positive |= {f"optim.{k}": getattr(self.optim, k) for k in ("batch", "accumulate", "lr", "muon_lr", "clip")}
        intervals = ("every", "validate", "snapshot", "checkpoint", "keep", "count", "evaluate_count")
        positive |= {f"log.{k}": getattr(self.log, k) for k in intervals}
        for name, value in positive.items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive{' and finite' * (value == math.inf)}, got {value}")
        for name, value in (
            ("seed", self.seed),
            ("optim.warmup", self.optim.warmup),
            ("optim.weight_decay", self.optim.weight_decay),
            ("log.evaluate", self.log.evaluate),
        ):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must {'not be negative' if value < 0 else 'be a finite number'}, got {value}")
        check_ranges(
            ("steps", self.steps, 1, 10**9),
            ("seed", self.seed, 0, 2**63 - 1),
            ("optim.batch", self.optim.batch, 1, 2**16),
            ("log.count", self.log.count, 1, 10_000),
            ("log.evaluate_count", self.log.evaluate_count, 1, 100_000),
        )
        if not math.isfinite(self.log.evaluate_guidance):
            raise ValueError(f"log.evaluate_guidance must be a finite number, got {self.log.evaluate_guidance}")
        if not self.log.guidance or not all(map(math.isfinite, self.log.guidance)):
            raise ValueError(f"log.guidance must be one or more finite numbers, got {list(self.log.guidance)}")
        for name, value, upper in (
            ("keep_context", self.keep_context, 1.0),
            ("keep_tag", self.keep_tag, 1.0),
            ("few_tags", self.few_tags, 1.0),
            ("val_fraction", self.val_fraction, 0.5),
            ("log.early", self.log.early, 1.0),
            ("optim.ema", self.optim.ema, 1.0),
            ("optim.muon_momentum", self.optim.muon_momentum, 1.0),
        ):
            if not 0 <= value <= upper:
                raise ValueError(f"{name} must be between 0 and {upper:g}, got {value}")


def missing_levels(model: ModelConfig) -> str:
    """Words for levels of attention that the network does not have, or nothing."""
    levels = len(model.widths)
    there = f"the levels are 0 to {levels - 1}" if levels > 1 else "the only level is 0"
    wrong = [str(level) for level in model.attention if level >= levels]
    return f"model.attention names level {', '.join(wrong)}, but {there}, one for each of model.widths" if wrong else ""


def check_levels(model: ModelConfig) -> None:
    """Raise ValueError for attention that was asked for, beyond the usual, at a level that there is not. A file may be
    read that has such, since such networks were trained, without that attention."""
    if (missing := missing_levels(model)) and model.attention != ModelConfig.attention:
        none = "attention = [] in the config, or --model.attention with nothing after it"
        raise ValueError(f"{missing}; name other levels, or none ({none})")


def doubts(config: Config) -> list[str]:
    """What in the settings does nothing, or not what is likely meant: a line each."""
    optim, log, usual = config.optim, config.log, Config()
    found = []
    if optim.warmup >= config.steps:
        found.append(
            f"optim.warmup = {optim.warmup} is not shorter than the run of {config.steps} steps, "
            "so that the learning rate never reaches its peak"
        )
    idle = {
        "without tags": (not config.tags, ("keep_tag", "few_tags", "model.mask_tags")),
        "with optim.optimizer = adamw": (optim.optimizer == "adamw", ("optim.muon_lr", "optim.muon_momentum")),
        "with log.evaluate = 0": (not log.evaluate, ("log.evaluate_count", "log.evaluate_guidance")),
        "with val_fraction = 0": (not config.val_fraction, ("log.validate",)),
    }
    if missing := missing_levels(config.model):
        found.append(f"{missing}, so that the network has no attention there")
    now, then = flat(config), flat(usual)
    for why, (so, names) in idle.items():
        found += [f"{name} has no effect {why}" for name in names if so and now[name] != then[name]]
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


class Mistyped:
    """In place of a value that must not be taken for one of another type."""


def _number(value: Any) -> Any:
    """A whole number is a float too, but true and false are no numbers."""
    return Mistyped() if isinstance(value, bool) else value


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else _number(value)


def _path(value: Any) -> Any:
    return Path(value) if value and isinstance(value, str | Path) else Mistyped()


def _tuple(value: Any, each: Callable[[Any], Any] = lambda x: x) -> Any:
    return tuple(map(each, value)) if isinstance(value, list | tuple) else Mistyped()


def _inner(kind: Any) -> Any:
    """A type without the None that stands for a setting left out."""
    return next(a for a in get_args(kind) if a is not NoneType) if NoneType in get_args(kind) else kind


def wanted(kind: Any) -> str:
    """What a setting of this type must be, in words."""
    words = {int: "a whole number", float: "a number", str: "text in quotes", bool: "true or false"}
    words |= {Path: "a path in quotes, not an empty one"}
    many = {int: "whole numbers", float: "numbers", str: "texts in quotes"}
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if get_origin(kind) is tuple:
        each, *others = get_args(kind)
        return f"a list of {'' if others == [...] else f'{1 + len(others)} '}{many[each]}"
    return words.get(kind, "a table of settings")


def _instead(kind: Any, value: Any) -> str:
    """What might be written instead of a value that is not of this type, if that can be told."""
    near = difflib.get_close_matches(str(value), [c for c in get_args(kind) if isinstance(c, str)], n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    if get_origin(kind) is tuple and type(value) in ({str} if str in get_args(kind) else {int, float}):
        return f"; write [{json.dumps(value)}]"
    if kind is int and isinstance(value, float) and value.is_integer():
        return f"; write {value:.0f}"
    return ""


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Build a settings dataclass from nested dicts as TOML or JSON give them.

    Raises ValueError for an unknown key (with the nearest known one), a value of a wrong type, or one out of range.
    """
    if not isinstance(values, dict):
        raise ValueError(f"expected settings by name, got {str(values)[:80]}")
    hooks = {int: _number, float: _float, Path: _path, tuple[str, ...]: _tuple}
    hooks[tuple[int, ...]] = lambda v: _tuple(v, _number)
    hooks |= dict.fromkeys((tuple[float, ...], tuple[float, float]), lambda v: _tuple(v, _float))
    try:
        return dacite.from_dict(cls, values, dacite.Config(strict=True, type_hooks=hooks))
    except dacite.UnexpectedDataError as e:
        raise ValueError(_unknown(cls, values)) from e
    except dacite.WrongTypeError as e:
        raise ValueError(_mistyped(cls, values, e.field_path)) from e
    except (dacite.DaciteError, TypeError) as e:
        raise ValueError(str(e)) from e


def _unknown(cls: type, values: dict[str, Any]) -> str:
    """Which key there is no setting for, by its dotted name, and the nearest one that there is."""
    names = dict(_settings(cls))
    stray = next(name for name in _keys(cls, values) if name not in names)
    table, _, key = stray.rpartition(".")
    beside = [name for name in names if name.rpartition(".")[0] == table]
    short = {name.rpartition(".")[2]: name for name in [*names, *beside]}  # of two settings, that of the same table
    near = difflib.get_close_matches(key, short, n=1, cutoff=0.65)
    if near:
        return f"unknown setting {stray!r}: did you mean {short[near[0]]!r}?"
    return f"unknown setting {stray!r}: there are {', '.join(beside)}"


def _mistyped(cls: type, values: dict[str, Any], name: str) -> str:
    """What a setting must be, and what it is."""
    kind, value = _inner(dict(_settings(cls)).get(name)), values
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    got = str(value).lower() if isinstance(value, bool) else reprlib.repr(value)
    return f"{name} must be {wanted(kind)}, got {got}{_instead(kind, value)}"


def _settings(cls: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and types of the settings in a dataclass, and in the dataclasses in it."""
    for name, kind in get_type_hints(cls).items():
        yield prefix + name, kind
        if dataclasses.is_dataclass(_inner(kind)):
            yield from _settings(_inner(kind), f"{prefix}{name}.")


def _keys(cls: type, values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of what is given for a dataclass."""
    kinds = get_type_hints(cls)
    for key, value in values.items():
        yield prefix + key
        kind = _inner(kinds.get(key))
        if isinstance(value, dict) and dataclasses.is_dataclass(kind):
            yield from _keys(kind, value, f"{prefix}{key}.")


def load_config(path: str | Path) -> Config:
    """Read a TOML file of settings. Raises ValueError, naming the file, for anything that is wrong in it."""
    path = Path(path)
    if not path.is_file() and not path.is_symlink():
        others = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, others, n=1)
        hint = f"; did you mean {path.parent / near[0]}?" if near else ", as those in configs/"
        what = "is a folder" if path.is_dir() else "there is no such file" if not path.exists() else "no ordinary file"
        raise ValueError(f"{path}: {what}; expected a TOML file of settings{hint}")
    text = read_text(path)
    try:
        return from_dict(Config, parse_toml(text))
    except tomllib.TOMLDecodeError as e:
        raise ValueError(f"{path}: not TOML: {e}; expected settings such as steps = 3000") from e
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e


def to_dict(settings: Any) -> dict[str, Any]:
    """The settings as nested dicts of plain values; what is None is left out, as TOML has no word for it."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if v is not None}
        return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value

    return plain(dataclasses.asdict(settings))


def to_toml(config: Config) -> str:
    """The resolved settings as TOML; `load_config` reads them back."""
    return tomli_w.dumps(to_dict(config))


def flat(config: Config) -> dict[str, Any]:
    """The settings that are not None, by dotted name: {"steps": 3000, "optim.lr": 0.002, ...}."""
    out: dict[str, Any] = {}
    for key, value in to_dict(config).items():
        out |= {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
    return out
