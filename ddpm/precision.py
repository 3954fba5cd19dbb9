"""Which precision to compute in."""

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
