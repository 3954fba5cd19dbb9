"""How to sample: the flags that the commands share, and the checks of their values."""

import math
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from ddpm.config import Config, Sampling, check_levels
from ddpm.system.outputs import LOCK, PARTS, check_apart, check_writable

if TYPE_CHECKING:
    from ddpm.network.unet import ContextUNet
    from ddpm.runs.spec import ModelSpec
    from ddpm.sampling import Sampler


JUDGES = "judges"  # a folder of kept classifiers, which may be among results


def ready(sampling: Sampling, weak: Path | None, path: Path, model: "ContextUNet", spec: "ModelSpec") -> "Sampler":
    """A sampler for the model that was loaded from `path`, with the worse network `weak`, or the early one of its run,
    where the form of guidance is auto. Raises ValueError if the settings cannot work with this model."""
    from ddpm.diffusion.forms import parse_form
    from ddpm.runs.models import load_weak
    from ddpm.sampling import Sampler

    form = parse_form(sampling.form)
    if weak and "auto" not in form:
        raise ValueError(f"--weak {weak} is for the form auto; add --form auto, or leave it out")
    return Sampler(model, spec, sampling, load_weak(weak, path, spec) if "auto" in form and not spec.student else None)


def check_guidance(scales: Sequence[float]) -> None:
    """Raise ValueError unless these are one or more finite numbers that their labels, of six digits, tell apart."""
    if not scales or not all(map(math.isfinite, scales)):
        raise ValueError(f"--guidance needs one or more finite numbers, got {', '.join(map(str, scales)) or 'none'}")
    for i, s in enumerate(scales):
        for other in scales[:i]:
            if s == other:
                raise ValueError(f"--guidance has {s:g} twice; give different scales")
            if f"{s:g}" == f"{other:g}":
                raise ValueError(f"--guidance has {other} and {s}, both of which would be labelled {s:g}; give one")


def check_seed(seed: int) -> None:
    """Raise ValueError for a seed that is negative, or too large for torch."""
    if not 0 <= seed < 2**63:
        raise ValueError(f"--seed must not be negative, and less than 2**63, got {seed}")


def check_count(flag: str, count: int, most: int = 100_000) -> None:
    """Raise ValueError for none, or for more than can be meant."""
    if not 1 <= count <= most:
        raise ValueError(f"{flag} must be at least 1 and at most {most:,}, got {count}")


def check_file(flag: str, path: Path | None, suffix: str) -> None:
    """Raise ValueError unless a file of this name, if it has one, can be written into a folder that is there."""
    if path is None:
        return
    if path.suffix.lower() != suffix:
        raise ValueError(f"{flag} {path} must end in {suffix}")
    if path.is_dir():
        raise ValueError(f"{flag} {path} is a folder; name a file")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{flag} {path}: there is no folder {path.absolute().parent}")
    check_writable(flag, path, path.absolute().parent)


def check_new_folder(flag: str, path: Path | None, also: str = "") -> None:
    """Raise ValueError if there is anything in a folder of this name, it is none, or nothing can be written there.

    also: what else the user can do about a folder that is not empty.
    """
    if path and (path.is_symlink() or not path.name):
        raise ValueError(f"{flag} {path} is not the name of a folder to be made; choose another")
    if path and path.exists() and (not path.is_dir() or any(path.iterdir())):
        what = "a file" if not path.is_dir() else "a folder that is not empty"
        raise ValueError(f"{flag} {path} is {what}; choose another{also * path.is_dir()}")
    if path:
        check_writable(flag, path, path.absolute().parent)


def check_folder(flag: str, path: Path | None) -> None:
    """Raise ValueError if `path` or a folder above it is a file, or if nothing can be written there."""
    if path is None:
        return
    for place in (path, *path.absolute().parents):
        if place.exists():
            if not place.is_dir():
                what = flag if place == path else f"{flag} {path}:"
                raise ValueError(f"{what} {place} is a file; name a folder")
            check_writable(flag, path, path)
            return


def check_run(config: Config, resume: bool) -> None:
    """Raise ValueError for an --out that is no folder, or for attention at levels that a new network does not have."""
    check_folder("--out", config.out)
    if not resume:
        check_levels(config.model)


def check_results(flag: str, path: Path | None, result: str, data: Path | None) -> None:
    """Raise ValueError unless a command can write its results into this folder, and would replace nothing but its own
    earlier results, which are known by their main file `result`."""
    if path is None:
        return
    check_folder(flag, path)
    if data:
        check_apart(flag, path, data)
    if (path / "config.toml").exists():
        raise ValueError(f"{flag} {path} is a training run; name another folder, or leave {flag} out")
    if path.is_dir() and not (path / result).exists():
        others = sorted(p.name for p in path.iterdir() if p.name not in (JUDGES, LOCK) and not fnmatch(p.name, PARTS))
        if others:
            raise ValueError(
                f"{flag} {path} holds {others[0]} and no {result}: only earlier results are replaced; name a new or "
                "empty folder"
            )


def parse_guidance(words: Sequence[str]) -> tuple[tuple[float, ...], dict[str, float]]:
    """Read guidance scales: several for all, "0 1 2", or one for each facet of the tags, "colour=3 kind=1.5", for which
    that for all is 1. Raises ValueError for anything else."""
    facets, equals, numbers = zip(*(word.partition("=") for word in words), strict=True) if words else ((), (), ())
    try:
        scales = tuple(map(float, numbers if all(equals) else words))
    except ValueError:
        expected = "expected a number for each facet, or numbers for all" if any(equals) else "expected numbers"
        raise ValueError(f"--guidance {' '.join(words)}: {expected}") from None
    if not all(equals) or not words:
        check_guidance(scales)
        return scales, {}
    if not all(map(math.isfinite, scales)) or len(set(facets)) < len(facets):
        raise ValueError(f"--guidance {' '.join(words)}: expected each facet once, with a finite number")
    return (1.0,), dict(zip(facets, scales, strict=True))


def judges_folder(asked: Path | None, model: Path, data: Path) -> Path:
    """The folder for classifiers: that asked for, or `judges_beside` the run. Raises ValueError if nothing can be
    written there, or if it is in the folder of the sprites."""
    from ddpm.runs.folder import judges_beside

    folder = asked or judges_beside(model)
    check_apart("--judges", folder, data)
    check_writable("--judges", folder, folder)
    return folder
