"""How to sample: the flags that the commands share."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # importing torch takes seconds, in which a mistyped flag could have been told
    import torch

    from ddpm.checkpoint import ModelSpec

# The names in ddpm.samplers.SAMPLERS and ddpm.schedule.GRIDS, which cannot be imported here without torch.
Sampler = Literal["dpmpp_2m", "dpmpp_2m_sde", "heun", "ddim", "ddpm"]
Grid = Literal["log_snr", "uniform", "karras"]


@dataclass(frozen=True)
class SamplingFlags:
    """How to sample: the flags that sample.py and sweep.py share."""

    form: str = "cfg"
    """Form of guidance: cfg, auto, interval=0.5:20, apg, rescale=0.7, threshold=0.995, or several joined by +."""
    weak: Path | None = None
    """The worse network that the form auto guides away from; left out, early.safetensors of the run folder."""
    sampler: Sampler = "dpmpp_2m"
    steps: int = 12
    """Steps of the sampler, up to the timesteps the model was trained with; each is one call of the network, for heun
    two."""
    grid: Grid = "log_snr"
    """How the steps are placed: evenly in log-SNR or in time, or as Karras et al. 2022 do."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bfloat16 where the processor computes in it, else float32."""

    def options(self, model: Path, spec: "ModelSpec", device: "torch.device") -> dict[str, Any]:
        """The keyword arguments of `ddpm.generate.generate` for a model loaded from `model`; ValueError if they cannot
        work with it."""
        from ddpm.checkpoint import load_weak
        from ddpm.forms import parse_form
        from ddpm.schedule import timestep_grid

        timestep_grid(self.grid, spec.build_diffusion().schedule, self.steps)
        weak = load_weak(self.weak, model, spec).to(device) if "auto" in parse_form(self.form) else None
        return asdict(self) | {"weak": weak}
