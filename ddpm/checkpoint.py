"""Files of a run: weights that describe themselves, and the full state of training. No pickle: safetensors and JSON.

A file is written aside, synced and renamed, so that one that is there is whole; a checksum tells one that rotted since.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ddpm.cli import warn
from ddpm.config import DiffusionConfig, ModelConfig, StudentConfig, from_dict, to_dict
from ddpm.outputs import written_aside
from ddpm.prediction import Diffusion
from ddpm.schedule import make_schedule
from ddpm.tags import CATEGORY
from ddpm.unet import ContextUNet
from sprites import files
from sprites.pixels import SIZES

FORMAT = "ddpm-sprites 2"
MAX_HEADER = 2**24  # bytes
MODEL_FILE = "model.safetensors"
EARLY_FILE = "early.safetensors"  # the weights of an early step, for autoguidance
STATE = {"AdamW": {"step", "exp_avg", "exp_avg_sq"}, "Muon": {"momentum_buffer"}}  # what optimisers keep
BEST_FILE = "best.safetensors"  # the weights that did best in an evaluation during training


@dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build a model and to sample from it."""

    size: int
    channels: int
    categories: tuple[str, ...]
    model: ModelConfig
    diffusion: DiffusionConfig
    student: StudentConfig | None = None
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a model that takes tags: the values of each facet but the category."""

    def __post_init__(self) -> None:
        if not 1 <= self.size <= SIZES[-1] or self.channels not in (3, 4):
            raise ValueError(
                f"sprites of {self.size} pixels in {self.channels} channels: expected up to {SIZES[-1]} in 3 or 4"
            )
        files.check_names(self.categories)
        if self.facets:
            files.check_names(tuple(self.facets))
        for values in self.facets.values():
            files.check_names(values)

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """All that can be asked for, in the order of a context."""
        return {CATEGORY: self.categories} | self.facets

    @property
    def places(self) -> int:
        """Length of a context."""
        return sum(map(len, self.vocabulary.values()))

    def contexts(self) -> Tensor:
        """Each category alone, float32 [K, V]."""
        return torch.eye(len(self.categories), self.places)

    def describe(self) -> str:
        """Size, channels and categories, for messages."""
        return f"{self.size}x{self.size} in {self.channels} channels of {', '.join(self.categories)}"

    def build(self) -> ContextUNet:
        m = self.model
        patch = m.patch or max(1, self.size // 16)
        facets = tuple(map(len, self.vocabulary.values())) if self.facets else ()
        how = {"guided": self.student is not None, "facets": facets, "mask_tags": m.mask_tags}
        return ContextUNet(self.channels, self.places, m.widths, m.blocks, m.attention, patch, **how)

    def build_diffusion(self) -> Diffusion:
        d = self.diffusion
        return Diffusion(make_schedule(d.schedule, d.timesteps, d.zero_terminal_snr), d.prediction, d.loss_weight)


def checksum(tensors: Mapping[str, Tensor], about: Any) -> str:
    """BLAKE2b of JSON metadata and of the names, types, shapes and bytes of contiguous CPU tensors."""
    digest = blake2b(json.dumps(about).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and JSON metadata so that `path` is either the old file or the whole new one, even if the power
    fails. The same content gives the same bytes."""
    contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    # One entry only: safetensors writes several in an order of chance.
    header = json.dumps({"format": FORMAT, "checksum": checksum(contiguous, about), "about": about})
    with written_aside(path) as aside:
        # Not by safetensors' own save_file, whose temporary file would stay behind if this process were killed.
        aside.write_bytes(save(contiguous, {"header": header}))
        sync(aside)
    with contextlib.suppress(OSError):  # not every file system can sync a folder, nor can Windows
        sync(path.parent)


def read_safetensors(
    path: Path, check: Callable[[Mapping[str, Tensor], dict[str, Any]], object] = lambda tensors, about: None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file that `write_safetensors` wrote. Raises ValueError for any other file, and OSError
    if it cannot be read at all. `check` may refuse them by a ValueError before their values are read."""
    files.check_file(path)  # or a pipe would be waited for
    with open(path, "rb") as start:
        if int.from_bytes(start.read(8), "little") > MAX_HEADER:
            raise ValueError(f"cannot read {path}: not a safetensors file, or its header is too long")
    try:
        with safe_open(path, framework="pt") as f:
            header = header_of(f.metadata() or {})
            ours = header.get("format") == FORMAT
            # Views of the file, which take no memory until they are read.
            tensors = {name: f.get_tensor(name) for name in f.keys()} if ours else {}  # noqa: SIM118
    except (SafetensorError, RuntimeError) as e:  # the second when there is not the memory for so large a file
        raise ValueError(f"cannot read {path}: not a whole safetensors file, or too large ({str(e)[:200]})") from e
    if not ours:
        raise ValueError(f"{path} is no file of this version of the project: its header has no format {FORMAT!r}")
    about = header.get("about")
    if not isinstance(about, dict):
        raise ValueError(f"cannot read {path}: its header describes nothing")
    try:
        check(tensors, about)
        whole = checksum(tensors, about) == header.get("checksum")
    except RecursionError as e:
        raise ValueError(f"cannot read {path}: its header is nested too deeply") from e
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e
    if not whole:
        raise ValueError(f"{path} is damaged: its content does not match its checksum; take another copy")
    return tensors, about


def header_of(metadata: dict[str, str]) -> dict[str, Any]:
    """What `write_safetensors` entered in the metadata; empty if it is nothing of the kind."""
    try:
        header = json.loads(metadata.get("header", ""))
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def save_model(path: Path, model: nn.Module, spec: ModelSpec, step: int, **figures: float) -> None:
    """Write the weights with what is needed to build the network around them, and figures of it if there are any."""
    write_safetensors(path, model.state_dict(), {"spec": to_dict(spec), "step": step, **figures})


def load_model(path: str | Path) -> tuple[ContextUNet, ModelSpec]:
    """A network, in evaluation mode, from a run folder or a .safetensors file.

    Raises ValueError when there is none, or when the file is no model of this project.
    """
    path = Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        what = f"the folder {path} holds no {MODEL_FILE}" if path.is_dir() else f"there is no file {path}"
        raise ValueError(f"no model: {what}; give a run folder or a .safetensors file that scripts/train.py wrote")
    tensors, about = read_safetensors(file, lambda tensors, about: check_tensors(tensors, spec_of(about)))
    spec = spec_of(about)
    model = spec.build()
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False), spec


def spec_of(about: dict[str, Any]) -> ModelSpec:
    """What a file says of its network. Raises ValueError if that is nothing, or nothing that can be."""
    if "spec" not in about:
        raise ValueError(f"it holds no model to sample from; give the run's {MODEL_FILE}")
    return from_dict(ModelSpec, about["spec"])


def check_tensors(tensors: Mapping[str, Tensor], spec: ModelSpec) -> None:
    """Raise ValueError, naming the difference, unless these are the weights of the network that `spec` describes.

    That network is not built for it: a file can ask for one that is larger than the memory.
    """
    with torch.device("meta"):
        wanted = spec.build().state_dict()
    for what, names in (("lacks", wanted.keys() - tensors.keys()), ("has unknown", tensors.keys() - wanted.keys())):
        if names:
            raise ValueError(f"{what} weights for the network it describes: {some(sorted(names))}")
    for name, tensor in tensors.items():
        like = wanted[name]
        if (tensor.shape, tensor.dtype) != (like.shape, like.dtype):
            got, expected = (f"{str(t.dtype).removeprefix('torch.')} {list(t.shape)}" for t in (tensor, like))
            raise ValueError(f"its weights do not fit the network it describes: {name} is {got}, expected {expected}")


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few of the names, printable."""
    return ", ".join(repr(n[:80]) for n in names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def load_weak(path: Path | None, model: Path, spec: ModelSpec) -> ContextUNet:
    """The weak network of autoguidance for the model with `spec` at `model`: `path`, or the early one of its run.

    Raises ValueError when there is none, or when it was trained for other sprites or another diffusion.
    """
    file = model / MODEL_FILE if model.is_dir() else model
    path = path or file.parent / EARLY_FILE
    path = path / MODEL_FILE if path.is_dir() else path
    if path.resolve() == file.resolve():
        raise ValueError(f"{file} cannot be guided away from itself; name a weaker network with --weak FILE")
    if not path.exists():
        raise ValueError(f"the form auto needs a weak network, and there is no {path}; name one with --weak FILE")
    network, other = load_model(path)
    if dataclasses.replace(other, model=spec.model) != spec:
        raise ValueError(f"{path} is for {other.describe()}, the model for {spec.describe()}, or their noise differs")
    return network


class Stateful(Protocol):
    """What a checkpoint keeps: a module, or anything else that is told by named tensors."""

    def state_dict(self) -> Mapping[str, Tensor]: ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> object: ...


def checkpoints(run: Path) -> list[Path]:
    """Training states of a run, oldest first."""
    return sorted((run / "checkpoints").glob("step_*.safetensors"))


def save_checkpoint(
    run: Path,
    about: dict[str, Any],
    parts: Mapping[str, Stateful],
    optimizers: Mapping[str, torch.optim.Optimizer],
    keep: int,
) -> Path:
    """Write all that training needs to go on, and drop all but the newest `keep` checkpoints; about["step"] is the
    number of steps done."""
    tensors = {f"{name}.{k}": v for name, part in parts.items() for k, v in part.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{k}": torch.as_tensor(v) for k, v in values.items()}
    path = run / "checkpoints" / f"step_{about['step']:08d}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(path, tensors, about)
    for old in checkpoints(run)[:-keep]:
        old.unlink()
    return path


def newest_checkpoint(run: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]]:
    """Path, tensors and metadata of the newest checkpoint that is whole. Newer ones, which are not, are told and
    renamed, so that they no longer count. Raises ValueError when there is none."""
    found, damaged = checkpoints(run), {}
    for path in reversed(found):
        try:
            content = read_safetensors(path)
        except ValueError as e:
            damaged[path] = e
            continue
        for bad, error in damaged.items():
            bad.rename(bad.with_suffix(".damaged"))
            warn(f"{error}; set aside as {bad.stem}.damaged, and the checkpoint before it is taken")
        return path, *content
    what = f"none of the {len(found)} checkpoints in {run} is whole" if found else f"{run} holds no checkpoint"
    raise ValueError(f"nothing to resume: {what}; begin anew with another --out, or with --overwrite")


def restore(
    tensors: Mapping[str, Tensor],
    parts: Mapping[str, Stateful],
    optimizers: Mapping[str, torch.optim.Optimizer],
    begun: bool,
) -> None:
    """Put the tensors of a checkpoint into parts and optimizers, which have a state once they have `begun`. Raises
    ValueError if they do not fit, or are not just these."""

    def under(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        if strange := [k for k in tensors if k.partition(".")[0] not in (*parts, *optimizers)]:
            raise ValueError(f"unknown are {some(strange)}")
        for name, part in parts.items():
            part.load_state_dict(under(f"{name}."))
        for name, optimizer in optimizers.items():
            state = optimizer_state(optimizer, under(f"{name}."), begun)
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (LookupError, RuntimeError, ValueError) as e:
        raise ValueError("the checkpoint does not fit this configuration; resume with the config of its run") from e


def optimizer_state(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], begun: bool
) -> dict[int, dict[str, Tensor]]:
    """The state of an optimizer from tensors named "0.exp_avg", ... Raises LookupError or ValueError for others.

    The fused optimisers look at no shape: they walk parameter and state in step through memory, for which the state
    needs the parameter's layout too.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    entries = STATE[type(optimizer).__name__] if begun else set()
    state: dict[int, dict[str, Tensor]] = {i: {} for i in range(len(parameters))}
    for key, value in tensors.items():
        index, _, entry = key.partition(".")
        like = torch.zeros(()) if entry == "step" else parameters[int(index)]
        if value.shape != like.shape:
            raise ValueError(f"{key} is {list(value.shape)}, expected {list(like.shape)}")
        state[int(index)][entry] = torch.empty_like(like).copy_(value)
    if any(found.keys() != entries for found in state.values()):
        raise ValueError("entries are missing, or unknown")
    return state
