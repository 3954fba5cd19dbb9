"""Checkpoints: the full state of training, from which a run goes on as if never stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ddpm.runs.tensor_files import read_safetensors, some, write_safetensors
from ddpm.system.console import warn

STATE = {"AdamW": {"step", "exp_avg", "exp_avg_sq"}, "Muon": {"momentum_buffer"}}  # what optimisers keep


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
