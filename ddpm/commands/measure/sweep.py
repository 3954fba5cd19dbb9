"""Measure a model's samples at several guidance scales, and choose one.

    python scripts/sweep.py runs/mine --data FOLDER --guidance 0 1 1.5 2 3 5 --per-category 200

A classifier is trained on the training split of FOLDER and judges: are sprites taken for the category they were asked
to be, how near are its features to those of training sprites, do they cover them, are they copies? The rows held-out,
training, blurred and shuffled are real sprites to read the figures by. Writes the table as text, Markdown and JSON, the
trade-off curves, a grid for each scale and the closest pairs of generated and training sprites, all in TensorBoard too.
"""

from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_guidance, check_results, ready
from ddpm.commands.shared.parsing import parse
from ddpm.config import Sampling
from ddpm.system.console import progress
from ddpm.system.devices import DeviceName
from ddpm.system.outputs import held, write_results

if TYPE_CHECKING:  # importing torch takes seconds, in which a mistyped flag could have been told
    from ddpm.evaluation.judge import Judge, Measured
    from ddpm.sampling import Sampler


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along."""
    data: Path
    """The folder of sprites to compare with."""
    guidance: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
    per_category: int = 200
    """Sprites sampled per category at each scale."""
    sampling: Annotated[Sampling, tyro.conf.arg(name="")] = field(default_factory=Sampling)
    weak: Path | None = None
    """The worse network that the form auto guides away from; left out, early.safetensors of the run folder."""
    unseen: str | None = None
    """Real sprites that were never trained on, a folder or the word held-out: then a network tries to tell the sampled
    ones apart from them, for half a minute to a minute a row. It takes up to 4,000 of each kind."""
    out: Path | None = None
    """Folder for the results; left out, sweep/ in the model's folder, of one that
    comes along in runs/NAME."""
    judges: Path | None = None
    """Folder where the classifier of each data set is kept for the next time; left out, judges/ beside the run."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_count("--per-category", self.per_category)
        check_guidance(self.guidance)


def sample(args: Arguments, sampler: "Sampler") -> tuple[dict, dict]:
    """By the name of each scale: its samples, and the gaps between the two predictions."""
    from ddpm.evaluation.report import Gaps
    from ddpm.system.distributed import is_main, own

    sampled, gaps = {}, {}
    shared = own(args.per_category * len(sampler.spec.categories))
    total = (shared.stop - shared.start) * len(args.guidance)
    with progress(total=total, unit="sprite", unit_scale=True, disable=not is_main()) as bar:
        for s in args.guidance:
            name, gap = f"s = {s:g}", Gaps(len(sampler.schedule))
            bar.set_description(f"sampling {name}")
            watched = {"on_gap": gap, "on_sprites": bar.update}
            sampled[name], _ = sampler.per_category(s, args.per_category, together=True, **watched)
            gaps[name] = gap.means(sampler.schedule, sampled[name].device)
    return sampled, gaps


def measure(args: Arguments, judge: "Judge", sampled: dict) -> list["Measured"]:
    """The figures of real sprites, then of those sampled at each scale."""
    import torch

    labels = torch.arange(len(judge.data.sprites.categories)).repeat_interleave(args.per_category)
    references = judge.references(args.per_category)
    guidance: dict[str, float | None] = dict.fromkeys(references)
    guidance |= dict(zip(sampled, args.guidance, strict=True))
    sets = references | {name: (x, labels) for name, x in sampled.items()}
    rows = []
    with progress(total=sum(len(x) for x, _ in sets.values()), unit="sprite", unit_scale=True) as bar:
        for name, (x, asked) in sets.items():
            bar.set_description(f"judging {name}")
            rows.append(judge.measure(name, x, asked, guidance[name], bar.update))
    return rows


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.system.distributed import is_main, join, main_first

    device = join(args.device)
    from ddpm.commands.shared.flags import judges_folder
    from ddpm.evaluation.judge import Judge, data_of, unseen_sprites
    from ddpm.evaluation.report import Report
    from ddpm.runs.folder import results_of
    from ddpm.runs.models import load_model
    from ddpm.show.sweep_board import SweepBoard

    out = args.out or results_of(args.model) / "sweep"
    with ExitStack() as stack:
        with main_first():
            model, spec = load_model(args.model)
            model.to(device)
            sampler = ready(args.sampling, args.weak, args.model, model, spec)
            if is_main():  # the others only sample
                data = data_of(args.data, args.model, spec, args.per_category)
                unseen = unseen_sprites(args.unseen, data) if args.unseen else None
                check_results("--out", out, "sweep.json", args.data)
                judges = judges_folder(args.judges, args.model, args.data)
                stack.enter_context(held(out))
        sampled, gaps = sample(args, sampler)
        if not is_main():
            return 0
        judge = Judge(data, cache=judges, unseen=unseen)
        rows = measure(args, judge, sampled)

        result = Report(rows)
        print(result.text(), end="")
        found = asdict(args) | {"seed": args.sampling.seed, "steps": sampler.sampling.steps} | result.json()
        texts = {".txt": result.text(), ".md": result.markdown()}
        write_results(out, "sweep", found, texts, lambda: SweepBoard(out, judge, result).write(sampled, gaps))
        print(f"{out}: sweep.txt, .md, .json and pictures; make board shows them, and a map of sprites under PROJECTOR")
        return 0
