"""Measure a model that takes tags: does it show those that are asked for, and vary in those left open?

    python scripts/facets.py runs/tags --data sprites --guidance 0 1 2 4

A classifier sees the tags in sprites. It is trained on the training split of FOLDER and, where the model was trained on
sprites without end, on 30,000 more. A row of a table is what was asked for: one facet alone, as training sprites have
it, or all of them, or some. A column is what is seen: the share of the asked values, or in brackets the entropy of a
facet left open, as a share of that in real sprites with the same tags.

Tags that were never seen together in training, by the setting `hold_out`, are asked for too.
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_guidance, check_results, check_seed
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import progress
from ddpm.system.devices import DeviceName, pick_device
from ddpm.system.outputs import held, write_results

if TYPE_CHECKING:
    from ddpm.evaluation.tag_judge import FacetResult, TagJudge
    from ddpm.sampling import Sampler


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """A run folder, a .safetensors file, or the name of a model that comes along, trained with --tags."""
    data: Path
    """The folder of sprites, with its tags.csv, that it was trained on."""
    guidance: tuple[float, ...] = (1.0, 2.0)
    count: int = 300
    """Sprites for each row at each scale; a tenth of it for each of the tags never seen together."""
    epochs: int = 20
    """Of the classifier's training."""
    complete: bool = True
    """Draw what is left open from the tags of training sprites, as sample.py does; off: the network decides it."""
    seed: int = 0
    out: Path | None = None
    """Folder for facets.md, facets.json and pictures; left out, facets/ in the model's folder, of one that
    comes along in runs/NAME."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_guidance(self.guidance)
        check_count("--count", self.count)
        check_count("--epochs", self.epochs)
        check_seed(self.seed)


def report(
    args: Arguments, sampler: "Sampler", judge: "TagJudge", pairs: tuple[str, ...]
) -> tuple[str, dict[float, list["FacetResult"]], dict[float, list["FacetResult"]]]:
    """Tables, and the results behind them: of facets, and of tags never seen together."""
    from ddpm.evaluation.report import facet_table, pair_table
    from ddpm.evaluation.tag_judge import measure

    questions = judge.questions(args.count, args.seed)
    unseen = judge.pairs(pairs, -(-args.count // 10), args.seed) if pairs else []
    total = len(args.guidance) * sum(len(asked.contexts) for asked in (*questions, *unseen))
    with progress(total=total, desc="sampling", unit="sprite", unit_scale=True) as bar:
        results = {s: measure(sampler, judge, questions, s, bar.update) for s in args.guidance}
        together = {s: measure(sampler, judge, unseen, s, bar.update) for s in args.guidance}
    facets = tuple(judge.columns)
    tables = [facet_table(judge.references(args.count, args.seed), facets, "real")]
    tables += [facet_table(found, facets, f"s = {s:g}") for s, found in results.items()]
    if pairs:
        tables.append(pair_table(together, [judge.real(asked) for asked in unseen]))
    return "\n".join(tables), results, together


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    import torch

    from ddpm.commands.shared.requests import check_tags
    from ddpm.config import Sampling
    from ddpm.context.condition import Condition
    from ddpm.data.stream import drawn_to_judge
    from ddpm.data.tensors import to_uint8
    from ddpm.diffusion.guidance import guidance_labels
    from ddpm.evaluation.tag_judge import TagJudge, commonest, tagged_data
    from ddpm.runs.folder import results_of, trained_with
    from ddpm.runs.models import load_model
    from ddpm.sampling import Sampler
    from ddpm.show.figures import curves
    from ddpm.show.grids import labelled_grid
    from ddpm.show.sweep_board import show_alone

    device = pick_device(args.device)
    model, spec = load_model(args.model)
    check_tags(spec)
    model.to(device)
    sampler = Sampler(model, spec, Sampling(seed=args.seed, complete=args.complete))
    trained = trained_with(args.model)
    data = tagged_data(args.data, replace(trained, hold_out=()), spec)
    out = args.out or results_of(args.model) / "facets"
    check_results("--out", out, "facets.json", args.data)
    with held(out):
        more = None if trained.endless == "none" else drawn_to_judge(data, trained, args.seed)
        judge = TagJudge(data, trained.hold_out, args.seed, args.epochs, more)
        text, results, together = report(args, sampler, judge, trained.hold_out)
        print(text, end="")

        shown = commonest(data)
        x = sampler.grid(Condition.of(torch.stack(list(shown.values()))), args.guidance, 8)
        pictures = {"curves": curves(results, tuple(judge.columns))}
        pictures["grid"] = labelled_grid(to_uint8(x), list(shown), guidance_labels(args.guidance))
        found = {"facets": results, "never_seen_together": together}
        about = {name: {f"{s:g}": [asdict(r) for r in rows] for s, rows in by.items()} for name, by in found.items()}
        show = partial(show_alone, out, "facets", pictures, text)
        write_results(out, "facets", asdict(args) | about, {".md": text}, show)
        return 0
