"""A conditional sprite diffusion model with classifier-free guidance.

What a user of the library needs stands here by name and is imported when it is first used: see docs/library.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddpm.config import Config, DataConfig, Sampling
    from ddpm.context.condition import Condition
    from ddpm.data.loading import load_data
    from ddpm.data.tensors import to_uint8
    from ddpm.runs.models import load_model
    from ddpm.sampling import Sampler
    from ddpm.show.grids import labelled_grid
    from ddpm.training.trainer import Trainer

HOMES = {
    "Config": "ddpm.config",
    "DataConfig": "ddpm.config",
    "load_data": "ddpm.data.loading",
    "Trainer": "ddpm.training.trainer",
    "load_model": "ddpm.runs.models",
    "Condition": "ddpm.context.condition",
    "Sampling": "ddpm.config",
    "Sampler": "ddpm.sampling",
    "to_uint8": "ddpm.data.tensors",
    "labelled_grid": "ddpm.show.grids",
}
__all__ = [
    "Condition",
    "Config",
    "DataConfig",
    "Sampler",
    "Sampling",
    "Trainer",
    "labelled_grid",
    "load_data",
    "load_model",
    "to_uint8",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'ddpm' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *HOMES])
