"""Which precision to compute in, and whether to the last bit."""

import os

import torch


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16; torch has no public word for it, hence the care."""
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """bfloat16 if asked for or, with "auto", if the processor computes in it; None for float32."""
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported(False) if device.type == "cuda" else cpu_has_bf16()
        return torch.bfloat16 if fast else None
    return torch.bfloat16 if precision == "bf16" else None


def make_deterministic() -> None:
    """Have a GPU give the same bits in every run (pytorch.org/docs/stable/notes/randomness.html), as a CPU does."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA is first used
    torch.use_deterministic_algorithms(True)
