"""Checkpoints: files with the full state of training, from which a run goes on as if never stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ddpm.runs.tensor_files import read_safetensors, write_safetensors
from ddpm.system.console import warn


class Stateful(Protocol):
    """What a checkpoint keeps: a module, or anything else whose state is tensors by name."""

    def state_dict(self) -> Mapping[str, Tensor]: ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> object: ...


def checkpoints(run: Path) -> list[Path]:
    """Training states of a run, oldest first."""
    return sorted((run / "checkpoints").glob("step_*.safetensors"))


def save_checkpoint(
    run: Path,
    metadata: dict[str, Any],
    parts: Mapping[str, Stateful],
    optimizers: Mapping[str, torch.optim.Optimizer],
    keep: int,
) -> Path:
    """Write all that training needs to go on, and drop all but the newest `keep` checkpoints.

    metadata: JSON, of which "step" is the number of steps done.
    """
    tensors = {f"{name}.{k}": v for name, part in parts.items() for k, v in part.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{k}": torch.as_tensor(v) for k, v in values.items()}
    path = run / "checkpoints" / f"step_{metadata['step']:08d}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(path, tensors, metadata)
    for old in checkpoints(run)[:-keep]:
        old.unlink()
    return path


def newest_checkpoint(run: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]]:
    """Path, tensors and metadata of the newest checkpoint that is whole. Raises ValueError when there is none.

    Damaged ones that are newer are told on stderr and renamed, so that they no longer count.
    """
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
    what = f"no checkpoint of {len(found)} in {run} is whole" if found else f"{run} holds no checkpoint"
    raise ValueError(f"nothing to resume: {what}; begin anew with another --out, or with --overwrite")


def restore(
    tensors: Mapping[str, Tensor],
    parts: Mapping[str, Stateful],
    optimizers: Mapping[str, torch.optim.Optimizer],
    begun: bool,
) -> None:
    """Put the tensors of a checkpoint into the parts and optimizers that it was made of.

    begun: whether the run had made a step, since optimisers have no state before. Raises ValueError if the tensors are
    not just these, or of other shapes.
    """

    def under(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        if strange := [k for k in tensors if k.partition(".")[0] not in (*parts, *optimizers)]:
            raise ValueError(f"unknown tensors: {strange}")
        for name, part in parts.items():
            part.load_state_dict(under(f"{name}."))
        for name, optimizer in optimizers.items():
            restore_optimizer(optimizer, under(f"{name}."), begun)
    except (LookupError, RuntimeError, ValueError) as e:
        raise ValueError("the checkpoint does not fit this configuration; resume with the config of its run") from e


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], begun: bool) -> None:
    """Put tensors named "0.exp_avg", ... into the state of an optimizer. Raises ValueError unless they are just that.

    The fused optimisers look at no shape: they walk parameter and state in step through memory. So torch makes the
    state, as the parameters need it, and what is read is only copied into it.
    """
    if begun:
        make_state(optimizer)
    else:
        optimizer.state.clear()
    parameters = (p for group in optimizer.param_groups for p in group["params"])
    state = {f"{i}.{k}": v for i, p in enumerate(parameters) for k, v in optimizer.state.get(p, {}).items()}
    if tensors.keys() != state.keys():
        raise ValueError(f"missing or unknown tensors: {tensors.keys() ^ state.keys()}")
    for key, value in tensors.items():
        if value.shape != state[key].shape:
            raise ValueError(f"{key} is {list(value.shape)}, expected {list(state[key].shape)}")
        state[key].copy_(value)


def make_state(optimizer: torch.optim.Optimizer) -> None:
    """Have an optimizer make its state, by a step at a learning rate of zero, which changes no parameter."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
