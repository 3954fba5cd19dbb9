"""Files of a run: weights that describe themselves, and the full state of training. No pickle: safetensors and JSON.

A file is written aside, synced and renamed, so that one that is there is whole.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ddpm.cli import written_aside
from ddpm.config import DiffusionConfig, ModelConfig, StudentConfig, from_dict, to_dict
from ddpm.prediction import Diffusion
from ddpm.schedule import make_schedule
from ddpm.unet import ContextUNet

FORMAT = "ddpm-sprites 1"
MODEL_FILE = "model.safetensors"
EARLY_FILE = "early.safetensors"  # the weights of an early step, for autoguidance
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

    def describe(self) -> str:
        """Size, channels and categories, for messages."""
        return f"{self.size}x{self.size} in {self.channels} channels of {', '.join(self.categories)}"

    def build(self) -> ContextUNet:
        m = self.model
        patch = m.patch or max(1, self.size // 16)
        return ContextUNet(
            self.channels, len(self.categories), m.widths, m.blocks, m.attention, patch, self.student is not None
        )

    def build_diffusion(self) -> Diffusion:
        d = self.diffusion
        return Diffusion(make_schedule(d.schedule, d.timesteps, d.zero_terminal_snr), d.prediction, d.loss_weight)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and JSON metadata so that `path` is either the old file or the whole new one."""
    with written_aside(path) as aside:
        contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        save_file(contiguous, aside, {"format": FORMAT, "about": json.dumps(metadata)})
        with open(aside, "rb") as f:
            os.fsync(f.fileno())


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file that `write_safetensors` wrote. Raises ValueError for any other file."""
    try:
        with safe_open(path, framework="pt") as f:
            header = f.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"{path} is not a file of this project: expected format {FORMAT!r} in its header")
            return {name: f.get_tensor(name) for name in f.keys()}, json.loads(header["about"])  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as e:
        raise ValueError(f"cannot read {path}: not a whole safetensors file ({e})") from e


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
    tensors, about = read_safetensors(file)
    if "spec" not in about:
        raise ValueError(f"{file} holds no model to sample from; give the run's {MODEL_FILE}")
    try:
        spec = from_dict(ModelSpec, about["spec"])
        model = spec.build()
        model.load_state_dict(tensors)
    except (RuntimeError, ValueError) as e:
        raise ValueError(f"{file}: its weights do not fit the network it describes") from e
    return model.eval().requires_grad_(False), spec


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


def checkpoints(run: Path) -> list[Path]:
    """Training states of a run, oldest first."""
    return sorted((run / "checkpoints").glob("step_*.safetensors"))


def save_checkpoint(
    run: Path, step: int, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer], keep: int
) -> Path:
    """Write all that training needs to go on, and drop all but the newest `keep` checkpoints."""
    tensors = {f"{name}.{k}": v for name, module in modules.items() for k, v in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{k}": torch.as_tensor(v) for k, v in values.items()}
    path = run / "checkpoints" / f"step_{step:08d}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(path, tensors, {"step": step})
    for old in checkpoints(run)[:-keep]:
        old.unlink()
    return path


def load_checkpoint(
    path: Path, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]
) -> int:
    """Put a saved training state into modules and optimizers; returns its step. ValueError if it does not fit."""
    tensors, about = read_safetensors(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        for name, module in modules.items():
            module.load_state_dict(under(f"{name}."))
    except RuntimeError as e:
        raise ValueError(f"{path} does not fit this configuration; resume with the config of its run") from e
    for name, optimizer in optimizers.items():
        # The fused optimiser walks parameter and state in step through memory: the state needs the parameter's layout.
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {i: {} for i in range(len(parameters))}
        for key, value in under(f"{name}.").items():
            index, _, entry = key.partition(".")
            like = parameters[int(index)]
            state[int(index)][entry] = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return about["step"]
