"""Measure the default config on one CUDA GPU: training from nothing, 10,000 guided sprites, and the share of its peak.

python scripts/bench_gpu.py --data FOLDER
"""

from dataclasses import dataclass
from pathlib import Path

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_guidance
from ddpm.commands.shared.parsing import parse


@dataclass(frozen=True)
class Arguments:
    data: Path = Path("sprites")
    """Folder of sprites to train on and to judge by."""
    config: Path = Path(__file__).parents[3] / "configs" / "sprites16.toml"
    """The settings of the training."""
    sprites: int = 10_000
    """Guided sprites to sample."""
    batch: int = 2500
    """How many of them at a time."""
    guidance: float = 1.5
    per_category: int = 200
    """Sprites judged per category."""
    out: Path = Path("runs/bench-gpu.md")
    """The table as Markdown; the figures as JSON are put beside it."""

    def check(self) -> None:
        """Refuse values that cannot work, before anything is computed."""
        check_guidance([self.guidance])
        for flag, value in (("sprites", self.sprites), ("batch", self.batch), ("per-category", self.per_category - 1)):
            if value < 1:
                raise ValueError(f"--{flag} is too small")
        if self.out.suffix not in (".md", ".json"):
            raise ValueError(f"--out {self.out} must end in .md or .json; both are written")


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import torch

    from ddpm.commands.bench.sections.ours import on_device
    from ddpm.commands.bench.tables import machine, write_results
    from ddpm.commands.bench.time_to_quality import Panel
    from ddpm.config import DataConfig, load_config
    from ddpm.data.loading import load_data
    from ddpm.evaluation.judge import Judge

    if not torch.cuda.is_available():
        raise ValueError("bench_gpu.py needs a CUDA GPU, and torch finds none here; make bench measures the CPU")
    device, config = torch.device("cuda"), load_config(args.config)
    data = load_data(args.data, DataConfig(size=config.size, val_fraction=config.val_fraction))
    panel = Panel(Judge(data, cache=args.out.parent / "judges"), args.per_category, (args.guidance,))
    table = on_device(config, data, device, panel, args.sprites, args.batch)
    print(table.markdown())
    write_results([table], machine(device) | {"data": f"{args.data.name}: {data.describe()}"}, args.out)
    print(f"{args.out.with_suffix('.md')} and .json")
    return 0
