"""Measure a model of clips beside real cycles never trained on: do its walks walk, and stay one and the same?

    python scripts/walks.py runs/walks --guidance 1 2 3
    python scripts/walks.py runs/mine --data FOLDER --guidance 1 2 3

A judge, trained on other real frames, sees in each frame the tags and the step of the cycle. Clips are asked for by the
tags of real ones. Beside those from tags there are rows of clips from the first frame of a real one; of frames that are
sampled each for itself; of a network that sees the frames stacked as channels; and, frame by frame, of clips that are
longer than those trained on.

phase: frames taken for the step that they are. identity: clips all of whose frames are taken for the same in each facet
of the tags. as asked: frames that show all tags. as drawn: pixels after a given frame that are as in the real cycle.
told apart: by a network that sees whole clips; 0.5 is perfect.
steadiness: pixels of head and torso that change between frames. anchor: by how many pixels the lowest row moves. seam:
pixels that change from the last frame to the first, over those that change between others.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_folder, check_guidance, check_results, check_seed
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import progress
from ddpm.system.devices import DeviceName, pick_device
from ddpm.system.outputs import held, write_results

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from ddpm.animation import Animator
    from ddpm.commands.measure.clips.stacked import Stacked
    from ddpm.evaluation.clips.cycles import Cycles
    from ddpm.evaluation.clips.figures import Walked
    from ddpm.evaluation.clips.report import Measured
    from ddpm.evaluation.tag_judge import TagJudge

LONG = 4  # cycles of the longer clips
SHOWN = 8  # clips of each row in the picture


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path] = Path("walks")
    """A model of clips: a run folder, a .safetensors file, or walks, which comes along and is taken if it is left
    out."""
    data: Path | None = None
    """The folder of sprites that it was trained on: real cycles are those held out. Left out, cycles drawn anew by the
    artist of the shipped set."""
    guidance: tuple[float, ...] = (1.0, 2.0, 3.0)
    beside: float = 2.0
    """Guidance scale of all other rows."""
    history: tuple[float, ...] = ()
    """Guidance scales over the frames before, a row each at --beside."""
    first: Path | None = None
    """Also a row, at --beside, of clips whose very first frames this model of stills draws, such as shipped."""
    count: int = 400
    """Clips of each row."""
    long: int = 100
    """Clips of four times the length; 0: none."""
    stacked: int = 0
    """Also train a network that sees the frames as channels, on so many drawn clips; 0: leave it out."""
    judges: int = 7500
    """Cycles that the judge learns from, at most."""
    epochs: int = 12
    """Of its training."""
    seed: int = 0
    out: Path | None = None
    """Folder for walks.md, walks.json and walks.png; left out, walks/ in the model's folder, of one that
    comes along in runs/NAME."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_guidance(self.guidance)
        check_guidance((self.beside,))
        if self.history:
            check_guidance(self.history)
            if self.beside <= 0:
                raise ValueError(f"--history needs --beside above 0, got {self.beside:g}")
        for flag, least in (("count", 2), ("long", 0), ("stacked", 0), ("judges", 2), ("epochs", 1)):
            if (value := getattr(self, flag)) < least:
                raise ValueError(f"--{flag} must be at least {least}, got {value}")
        check_count("--count", self.count)
        if self.stacked and self.data:
            raise ValueError("--stacked learns from drawn cycles; leave out --data, or --stacked")
        check_seed(self.seed)
        check_folder("--out", self.out)


def made(
    args: Arguments, animator: "Animator", beside: "Animator | None", real: "Cycles"
) -> tuple[list["Walked"], list["Walked"]]:
    """The sets of clips to measure, the real ones first; and those that are longer than a cycle, real ones repeated
    first. beside: the same model beside one that draws the first frames."""
    import numpy as np

    from ddpm.commands.measure.clips.samples import Maker
    from ddpm.evaluation.clips.figures import Walked

    s, frames, some = args.beside, LONG * real.length, real[: args.long]
    rows = len(args.guidance) + bool(beside) + len(args.history) + 4 + bool(args.stacked)
    stacked = trained_stack(args, animator) if args.stacked else None
    total = rows * real.rows.size + (LONG * some.rows.size if args.long else 0)
    with progress(total=total, desc="sampling", unit="frame", unit_scale=True) as bar:
        make = Maker(animator, real, bar.update)
        sets = [Walked("real", real.pixels, real)]
        sets += [make.from_tags(f"s = {scale:g}", scale) for scale in args.guidance]
        if beside:
            sets += [Maker(beside, real, bar.update).from_tags(f"s = {s:g}, first frame by {args.first}", s)]
        sets += [make.from_tags(f"s = {s:g}, history {h:g}", s, h) for h in args.history]
        sets += [make.from_still("from a still", s, tagged=False), make.from_still("a still and tags", s, tagged=True)]
        sets += [make.alone("frames alone, one noise", s, True), make.alone("frames alone", s, False)]
        if stacked:
            sets.append(make.stacked("frames as channels", stacked, s))
        if not args.long:
            return sets, []
        repeated = np.tile(some.pixels, (1, LONG, 1, 1, 1))
        longer = make.from_tags(f"s = {s:g}", s, frames=frames, count=args.long)
        return sets, [Walked("real", repeated, some), longer]


def trained_stack(args: Arguments, animator: "Animator") -> "Stacked":
    """The network that sees frames as channels, trained as the model was, but for its length."""
    from ddpm.commands.measure.clips.stacked import fit
    from ddpm.runs.folder import trained_with

    return fit(animator.spec, trained_with(args.model), args.stacked, animator.device)


def measured(
    sets: Sequence["Walked"], judge: "TagJudge", other: "np.ndarray", seed: int, desc: str = "judging"
) -> list["Measured"]:
    """The figures of sets of clips; they are told apart from other real cycles, if any are given."""
    from ddpm.evaluation.clips.report import measure

    bar = progress(sets, desc, unit="set")
    return [measure(walked, judge, other, seed) for walked in bar]


def picture(sets: Sequence["Walked"]) -> "Image":
    """The first clips of each set, frame by frame: a row for each set, clips of the same tags below one another."""
    import numpy as np

    from ddpm.show.grids import labelled_grid

    clips = np.stack([walked.clips[:SHOWN] for walked in sets])
    return labelled_grid(clips, [walked.name for walked in sets], [f"clip {i + 1}" for i in range(clips.shape[1])])


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.animation import Animator
    from ddpm.config import Sampling
    from ddpm.evaluation.clips.cycles import real_cycles
    from ddpm.evaluation.clips.report import tables
    from ddpm.evaluation.tag_judge import TagJudge
    from ddpm.runs.folder import results_of, trained_with
    from ddpm.runs.models import load_model
    from ddpm.show.sweep_board import show_alone

    device = pick_device(args.device)
    model, spec = load_model(args.model)
    # What is asked for are all the tags of a clip, so that none is left open.
    how = Sampling(seed=args.seed, complete=False)
    animator = Animator(model.to(device), spec, how)
    beside = Animator(model, spec, how, load_model(args.first)) if args.first else None
    out = args.out or results_of(args.model) / "walks"
    check_results("--out", out, "walks.json", args.data)
    real, other, learnt = real_cycles(args.data, trained_with(args.model), spec, args.count, args.judges, args.seed)
    with held(out):
        sets, longer = made(args, animator, beside, real)
        judge = TagJudge(learnt.judged, seed=args.seed, epochs=args.epochs)
        rows = measured(sets, judge, other.pixels, args.seed)
        long = measured(longer, judge, other.pixels[:0], args.seed, "judging longer ones")
        text = tables(rows, long)
        print(text, end="")

        found = asdict(args) | {"rows": [asdict(row) for row in rows], "longer": [asdict(row) for row in long]}
        show = partial(show_alone, out, "walks", {"walks": picture(sets)}, text)
        write_results(out, "walks", found, {".md": text}, show)
        return 0
