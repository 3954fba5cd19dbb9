"""Who takes part in the benchmark: this project, and three libraries, each trained as its own examples train it.

All train on the same sprites, held in memory, and hide a tenth of the categories; the libraries at a constant learning
rate, in float32, and each samples with its own guided sampler. Guidance scales are those of this project: 1 is
conditional, more is guided.
"""

import copy
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.config import Config, Sampling, load_config
from ddpm.context.condition import Condition
from ddpm.data.collection import SpriteData
from ddpm.data.order import ShuffledOrder
from ddpm.sampling import Sampler
from ddpm.training.ema import EMA
from ddpm.training.trainer import Trainer

BATCH = 128  # of the libraries
DROPPED = 0.1  # share of the categories that training hides


class Contestant(Protocol):
    """What the benchmark needs of one that trains and samples."""

    name: str
    batch: int
    precision: str
    """float32 or bfloat16, of its training."""
    sampler: str
    steps: int
    """Steps that its users sample with."""
    calls: int
    """How often these ask the network for a guided sprite, with the category and without."""

    def step(self) -> None:
        """Train on one batch."""

    def sample(self, labels: Tensor, scale: float, seed: int, steps: int, batch: int) -> Tensor:
        """Guided sprites of the averaged weights: x [N, C, H, W] in [-1, 1] for int64 labels [N], `batch` at a time."""

    def forward(self) -> None:
        """One pass of the network for one sprite, on the CPU, to count its operations."""


class Own:
    """A config of this project, through its own trainer and sampler."""

    def __init__(self, name: str, config: Config, data: SpriteData, device: torch.device):
        self.name, self.batch = name, config.optim.batch
        self.trainer = Trainer(config, data, device)
        self.precision = self.trainer.precision
        guide = Sampler(self.trainer.ema.model, self.trainer.spec, Sampling(precision="fp32")).guide
        self.sampler, self.steps = guide.sampling.sampler, len(guide.timesteps)
        self.calls = self.steps + int(guide.guided(guide.timesteps).sum())

    def step(self) -> None:
        self.trainer.advance()

    def sample(self, labels: Tensor, scale: float, seed: int, steps: int, batch: int) -> Tensor:
        trainer, spec = self.trainer, self.trainer.spec
        sampling = Sampling(steps=steps, precision=trainer.config.optim.precision, seed=seed)
        sampler = Sampler(trainer.ema.model, spec, sampling)
        return sampler(Condition.of(spec.contexts()[labels]), scale, range(len(labels)), batch=batch)

    @torch.no_grad()
    def forward(self) -> None:
        spec = self.trainer.spec
        x, context = torch.zeros(1, spec.channels, spec.size, spec.size), torch.zeros(1, spec.places)
        spec.build()(x, torch.zeros(1, dtype=torch.long), context)


class Library:
    """A library's network on our sprites. A subclass has `build`, `loss`, `average` and `sample_batch`."""

    needs: tuple[str, ...]
    """Packages it imports."""
    sampler: str
    steps: int
    precision, clip = "float32", 1.0
    network: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(self, name: str, data: SpriteData, device: torch.device, batch: int = BATCH, seed: int = 0):
        self.name, self.data, self.device, self.batch = name, data, device, batch
        self.channels, self.size = data.sprites.channels, data.sprites.size
        self.categories, self.calls = len(data.sprites.categories), 2 * self.steps
        self.order, self.done = ShuffledOrder(len(data.train), seed), 0
        torch.manual_seed(seed)
        self.build()

    def step(self) -> None:
        indices = self.data.train[self.order(self.done * self.batch, self.batch)]
        x, labels = (a.to(self.device) for a in self.data.batch(indices))
        self.loss(x, labels).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.done += 1
        self.average()

    @torch.no_grad()
    def sample(self, labels: Tensor, scale: float, seed: int, steps: int, batch: int) -> Tensor:
        with torch.random.fork_rng():  # the libraries draw from the global generator
            torch.manual_seed(seed)
            parts = [self.sample_batch(part.to(self.device), scale, steps) for part in labels.split(batch)]
        return torch.cat(parts).clamp(-1, 1)

    @torch.no_grad()
    def forward(self) -> None:
        x, label = torch.zeros(1, self.channels, self.size, self.size), torch.zeros(1, dtype=torch.long)
        self.predict(copy.deepcopy(self.network).cpu().eval(), x, label)

    def noise(self, count: int) -> Tensor:
        return torch.randn(count, self.channels, self.size, self.size, device=self.device)

    def build(self) -> None:
        """Make `network`, `optimizer` and the averaged weights."""
        raise NotImplementedError

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        """Loss of a batch x [B, C, H, W] in [-1, 1] with int64 labels [B], some of them hidden."""
        raise NotImplementedError

    def average(self) -> None:
        """Take the weights into the average."""
        raise NotImplementedError

    def predict(self, network: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        """One pass of the network at some noise level."""
        raise NotImplementedError

    def sample_batch(self, labels: Tensor, scale: float, steps: int) -> Tensor:
        """Sample one sprite for each label."""
        raise NotImplementedError


class DenoisingDiffusion(Library):
    """denoising-diffusion-pytorch: the UNet of its classifier_free_guidance, optimiser and EMA of its Trainer."""

    needs = ("denoising_diffusion_pytorch", "ema_pytorch")
    sampler, steps = "DDIM", 100

    def build(self) -> None:
        from denoising_diffusion_pytorch import classifier_free_guidance as library
        from ema_pytorch import EMA as PeriodicEMA

        library.tqdm = lambda steps, **_: steps  # its bar of each sampling
        unet = library.Unet(64, self.categories, DROPPED, dim_mults=(1, 2, 4), channels=self.channels)
        # Its default eta of 1 makes DDIM stochastic, which few steps do not bear.
        settings = {"image_size": self.size, "sampling_timesteps": self.steps, "ddim_sampling_eta": 0.0}
        self.diffusion = library.GaussianDiffusion(unet, **settings).to(self.device)
        self.network = self.diffusion.model
        self.ema = PeriodicEMA(self.diffusion, beta=0.995, update_every=10)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-4, betas=(0.9, 0.99))

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.diffusion((x + 1) / 2, classes=labels)

    def average(self) -> None:
        self.ema.update()

    def predict(self, network: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        return network(x, torch.zeros_like(labels), labels, cond_drop_prob=0.0)

    def sample_batch(self, labels: Tensor, scale: float, steps: int) -> Tensor:
        averaged = self.ema.ema_model.eval()
        averaged.sampling_timesteps = steps
        return averaged.sample(labels, cond_scale=scale) * 2 - 1


class Diffusers(Library):
    """diffusers: UNet2DModel with a class for "no category", trained as its train_unconditional.py does."""

    needs = ("diffusers",)
    sampler, steps = "DPM-Solver++ (2M)", 20

    def build(self) -> None:
        from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
        from diffusers.training_utils import EMAModel

        network: Any = UNet2DModel(
            sample_size=self.size,
            in_channels=self.channels,
            out_channels=self.channels,
            block_out_channels=(64, 128, 128),
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
            num_class_embeds=self.categories + 1,
        )
        self.network = network.to(self.device)
        self.noising: Any = DDPMScheduler()
        self.solver: Any = DPMSolverMultistepScheduler()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6)
        self.ema = EMAModel(self.network.parameters(), use_ema_warmup=True, power=0.75)
        self.averaged = copy.deepcopy(self.network).eval().requires_grad_(False)

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        t = torch.randint(len(self.noising), (len(x),), device=self.device)
        eps = torch.randn_like(x)
        shown = torch.where(torch.rand(len(x), device=self.device) < DROPPED, self.categories, labels)
        return F.mse_loss(self.network(self.noising.add_noise(x, eps, t), t, class_labels=shown).sample, eps)

    def average(self) -> None:
        self.ema.step(self.network.parameters())

    def predict(self, network: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        return network(x, 0, class_labels=labels).sample

    def sample_batch(self, labels: Tensor, scale: float, steps: int) -> Tensor:
        self.ema.copy_to(self.averaged.parameters())
        self.solver.set_timesteps(steps, device=self.device)
        asked = torch.cat([labels, torch.full_like(labels, self.categories)])
        x = self.noise(len(labels))
        for t in self.solver.timesteps:
            cond, uncond = self.averaged(torch.cat([x, x]), t, class_labels=asked).sample.chunk(2)
            x = self.solver.step(uncond + scale * (cond - uncond), t, x).prev_sample
        return x


class SmallDiffusion(Library):
    """smalldiffusion: network, noise levels, rate and average of its fashion_mnist_unet.py, with its class labels."""

    needs = ("smalldiffusion", "accelerate")
    sampler, steps = "accelerated DDIM", 20
    clip = math.inf
    network: Any

    def build(self) -> None:
        from smalldiffusion import diffusion, model, model_unet

        self.diffusion = diffusion
        width, C = 64, self.channels
        label = model.CondEmbedderLabel(4 * width, self.categories, DROPPED)
        settings = {"ch": width, "ch_mult": (1, 1, 2), "attn_resolutions": (self.size // 2,), "cond_embed": label}
        self.network = model.Scaled(model_unet.Unet)(self.size, C, C, **settings).to(self.device)
        self.levels = self.diffusion.ScheduleLogLinear(sigma_min=0.01, sigma_max=20, N=800)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=7e-4)
        self.ema = EMA(self.network, 0.999)

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        x, sigma, eps, labels = self.diffusion.generate_train_sample((x, labels), self.levels, conditional=True)
        return self.network.get_loss(x, sigma, eps, cond=labels)

    def average(self) -> None:
        self.ema.update(self.network, self.done)

    def predict(self, network: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        return network(x, torch.ones(()), cond=labels)

    def sample_batch(self, labels: Tensor, scale: float, steps: int) -> Tensor:
        sigmas = self.levels.sample_sigmas(steps)
        start = self.noise(len(labels)) * sigmas[0]
        *_, x = self.diffusion.samples(self.ema.model, sigmas, gam=1.6, cfg_scale=scale - 1, xt=start, cond=labels)
        return x


# Their names are read from the source, so they stand here as they are (see ddpm/system/names.py).
OWN = {"ours": "sprites{size}.toml", "baseline16": "baseline{size}.toml"}
LIBRARIES = {
    "denoising-diffusion-pytorch": DenoisingDiffusion,
    "diffusers": Diffusers,
    "smalldiffusion": SmallDiffusion,
}


def config_of(name: str, configs: Path, size: int) -> Path:
    """The config of one of ours, for sprites of a size. Raises ValueError if there is none for it."""
    path = configs / OWN[name].format(size=size)
    if not path.exists():
        there = ", ".join(sorted(found.name for found in configs.glob(OWN[name].format(size="*"))))
        raise ValueError(f"the sprites are of {size} pixels, for which {configs} has no config; it has {there}")
    return path


def entrants(names: Sequence[str], configs: Path, size: int) -> list[str]:
    """Those of the contestants that there are for sprites of a size: the libraries, and ours that have a config for it.

    Raises ValueError if there is no config of "ours" for it."""
    config_of("ours", configs, size)
    return [name for name in names if name in LIBRARIES or (configs / OWN[name].format(size=size)).exists()]


def enter(
    name: str, configs: Path, data: SpriteData, device: torch.device, *, batch: int = BATCH, steps: int | None = None
) -> Contestant:
    """The contestant of this name, untrained. batch: of a library; steps: of one of our configs, its last,
    at which its learning rate reaches zero."""
    if name in LIBRARIES:
        return LIBRARIES[name](name, data, device, batch)
    config = load_config(config_of(name, configs, data.sprites.size))
    return Own(name, replace(config, steps=steps or config.steps), data, device)


def check_installed(names: tuple[str, ...]) -> None:
    """Raise ValueError if a library among these names is not installed."""
    needed = [package for name in names if name in LIBRARIES for package in LIBRARIES[name].needs]
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise ValueError(
            f"the peers need {', '.join(missing)}: make bench installs them, or pip install -e '.[bench]'; "
            f"or leave them out with --contestants {' '.join(OWN)}"
        )
