"""Model files: weights that describe themselves."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpm.network.unet import ContextUNet
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import read_safetensors, write_safetensors
from ddpm.system.names import near
from ddpm.system.settings import from_dict, to_dict
from sprites.files import some

MODEL_FILE = "model.safetensors"
EARLY_FILE = "early.safetensors"  # the weights of an early step, for autoguidance
BEST_FILE = "best.safetensors"  # the weights that did best in an evaluation during training
PRETRAINED = Path(__file__).parent.parent / "pretrained"  # a folder for each model that comes along
Model = tuple[ContextUNet, ModelSpec]
HALVES = (torch.float16, torch.bfloat16)


def save_model(path: Path, model: nn.Module, spec: ModelSpec, step: int, **figures: float) -> None:
    """Write the weights with what is needed to build the network around them, and figures of it if there are any."""
    write_safetensors(path, model.state_dict(), {"spec": to_dict(spec), "step": step, **figures})


def pretrained() -> dict[Path, Path]:
    """The models that come along: their folders, by their names, as "shipped" and "shipped/student"."""
    files = sorted(PRETRAINED.rglob(MODEL_FILE))
    return {file.parent.relative_to(PRETRAINED): file.parent for file in files}


def found(model: str | Path) -> Path:
    """Where a model is: a path, or, if no model is there, the name of one that comes along."""
    path = Path(model)
    holds = path.is_file() or (path / MODEL_FILE).exists()
    return path if holds else pretrained().get(path, path)


def file_of(model: str | Path) -> Path:
    """The file of a model: that of a run folder, a file itself, or that of one that comes along."""
    path = found(model)
    return path / MODEL_FILE if path.is_dir() else path


def load_model(path: str | Path) -> Model:
    """A network, in evaluation mode, from a run folder, a .safetensors file or the name of one that comes along.

    Raises ValueError when there is none, or when the file is no model of this project.
    """
    return built(*read_model(path))


def built(tensors: Mapping[str, Tensor], metadata: dict[str, Any]) -> Model:
    """The network of what `read_model` found, in evaluation mode and float32, and its spec."""
    spec = spec_of(metadata)
    model = spec.build()
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False), spec


def read_model(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights of a model, and what its file says of it. Raises ValueError as `load_model` does."""
    file, path = file_of(path), found(path)
    if not file.is_file():
        what = f"the folder {path} holds no {MODEL_FILE}" if path.is_dir() else f"there is no file {path}"
        names = [name.as_posix() for name in pretrained()]
        meant = near(str(path), names)
        hint = f"; did you mean {meant}?" if meant else f", or the name of one that comes along: {', '.join(names)}"
        raise ValueError(f"no model: {what}; give a run folder or a .safetensors file that a training wrote{hint}")
    return read_safetensors(file, lambda tensors, metadata: check_tensors(tensors, spec_of(metadata)))


def spec_of(metadata: dict[str, Any]) -> ModelSpec:
    """What a file says of its network. Raises ValueError if that is nothing, or nothing that can be."""
    if "spec" not in metadata:
        raise ValueError(f"it holds no model to sample from; give the run's {MODEL_FILE}")
    return from_dict(ModelSpec, as_of_old(metadata["spec"]))


def as_of_old(values: Any) -> Any:
    """What a file says of its network, and of what the first versions left open what it meant then."""
    match values:
        case {"size": int(size), "model": dict(model), "diffusion": dict(diffusion)}:
            kind = diffusion.get("prediction", "auto")
            meant = {"prediction": kind if kind != "auto" else "colours" if values.get("palette") else "v"}
            return values | {
                "model": {"patch": max(1, size // 16), "pointer": False} | model,
                "diffusion": {"log_snr_shift": 0.0} | diffusion | meant,
            }
    return values


def check_tensors(tensors: Mapping[str, Tensor], spec: ModelSpec) -> None:
    """Raise ValueError, naming the difference, unless these are the weights of the network that `spec` describes.

    That network is built on the meta device only: a file can ask for one that is larger than the memory.
    """
    with torch.device("meta"):
        wanted = spec.build().state_dict()
    for what, names in (("lacks", wanted.keys() - tensors.keys()), ("has unknown", tensors.keys() - wanted.keys())):
        if names:
            listed = some([repr(name[:80]) for name in sorted(names)], 3)
            raise ValueError(f"{what} weights for the network it describes: {listed}")
    for name, tensor in tensors.items():
        like = wanted[name]
        if tensor.shape != like.shape or tensor.dtype not in (like.dtype, *HALVES):
            got, expected = (f"{str(t.dtype).removeprefix('torch.')} {list(t.shape)}" for t in (tensor, like))
            raise ValueError(f"its weights do not fit the network it describes: {name} is {got}, expected {expected}")


def load_weak(path: Path | None, model: Path, spec: ModelSpec) -> ContextUNet:
    """The weak network of autoguidance for the model with `spec` at `model`: `path`, or the early one of its run.

    Raises ValueError when there is none, or when it was trained for other sprites or another diffusion.
    """
    file = file_of(model)
    path = file_of(path or file.parent / EARLY_FILE)
    if path.resolve() == file.resolve():
        raise ValueError(f"{file} cannot be guided away from itself; name a weaker network with --weak FILE")
    if not path.exists():
        raise ValueError(f"the form auto needs a weak network, and there is no {path}; name one with --weak FILE")
    network, other = load_model(path)
    if dataclasses.replace(other, model=spec.model, style=spec.style) != spec:
        raise ValueError(f"{path} is for {other.describe()}, the model for {spec.describe()}, or their noise differs")
    return network
