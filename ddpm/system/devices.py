"""The device to compute on, in which precision, and whether to the last bit. torch is imported only when asked."""

import os
from typing import TYPE_CHECKING

from ddpm.system.processes import several_processes

if TYPE_CHECKING:  # importing torch takes seconds, in which a mistyped flag could have been told
    import torch


def pick_device(name: str) -> "torch.device":
    """The device of a command that runs as one process. Raises ValueError as `device_named`, and under torchrun."""
    if several_processes():
        raise ValueError("this command runs as one process: start it with python, not with torchrun")
    return device_named(name)


def device_named(name: str) -> "torch.device":
    """The device for "auto" (a GPU if there is one), "cpu" or "cuda". Raises ValueError for a GPU that is not there."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch finds no CUDA GPU here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16; torch has no public word for it, hence the care."""
    import torch

    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def autocast_dtype(precision: str, device: "torch.device") -> "torch.dtype | None":
    """bfloat16 if asked for or, with "auto", if the processor computes in it; None for float32."""
    import torch

    if precision == "auto":
        fast = torch.cuda.is_bf16_supported(False) if device.type == "cuda" else cpu_has_bf16()
        return torch.bfloat16 if fast else None
    return torch.bfloat16 if precision == "bf16" else None


def make_deterministic() -> None:
    """Have a GPU give the same bits in every run (pytorch.org/docs/stable/notes/randomness.html), as a CPU does."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA is first used
    torch.use_deterministic_algorithms(True)
