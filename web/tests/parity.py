"""Sprites by PyTorch, for tests/parity.test.js: the page must draw the same of the same seed.

python web/tests/parity.py shipped web/tests/parity.json
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import torch

from ddpm.animation import Animator
from ddpm.commands.files.export_web import Arguments, networks, walking
from ddpm.commands.shared.requests import asked
from ddpm.config import Sampling
from ddpm.context.condition import Condition
from ddpm.context.tags import CATEGORY, parse_tags, quoted
from ddpm.data.tensors import to_uint8
from ddpm.sampling import Sampler
from ddpm.system.outputs import written_aside

SEED = 3


def wants(spec) -> list[dict]:
    """What is asked for, as the page keeps it (Want in web/src/page/studio.js): each category at two scales, a mixture
    and, of a model with tags, several at once; of a teacher those with a scale for each, and going away from some."""
    categories = [{"facet": CATEGORY, "value": value} for value in spec.categories]
    low = 1.0 if spec.student else 0.0  # where the page asks a student for nothing
    found = [{"tags": [tag], "s": s} for s in (low, 2.0) for tag in categories]
    found.append({"tags": [tag | {"weight": w} for tag, w in zip(categories, (0.7, 0.3), strict=False)], "s": 2.0})
    if spec.facets:
        tags = [{"facet": facet, "value": values[0]} for facet, values in list(spec.vocabulary.items())[:3]]
        found.append({"tags": tags, "s": 2.0})
        if not spec.student:
            away = [{"facet": CATEGORY, "value": spec.categories[1], "not": True}]
            each = {tag["facet"]: s for tag, s in zip(tags, (3.0, 0.5, 1.5), strict=True)}
            found += [{"tags": [*tags, *not_], "s": 1.0, "scales": each} for not_ in ([], away)]
            found.append({"tags": tags + away, "s": 2.0})
            found.append({"tags": tags[:2], "s": -1.0})
            facing = [{"facet": facet, "value": spec.facets[facet][0]} for facet in ("facing",) if facet in spec.facets]
            found.append({"tags": [tags[0], *(tag | {"not": True} for tag in facing)], "s": 2.0})
    return [want | {"seed": SEED, "index": index} for index, want in enumerate(found)]


def row(want: dict, spec) -> Condition:
    """The same in the words of the command line, as it reads them."""
    tags = [tag for tag in want["tags"] if "not" not in tag]
    scales = want.get("scales", {})
    if len(tags) > 1 and tags[0]["facet"] == tags[1]["facet"]:
        mixture = ",".join(f"{tag['value']}={tag['weight']}" for tag in tags)
        return asked(spec, [mixture], [], {})[1]
    if not spec.facets:
        return asked(spec, [tags[0]["value"]], [], {})[1]
    return asked(spec, [], [" ".join(quoted(tag["facet"], tag["value"]) for tag in tags)], scales)[1]


def recorded(model, spec) -> dict:
    """Sprites of all that is asked, [B, H, W, 4] as base64, and what was asked."""
    every = wants(spec)
    condition = Condition.stack([row(want, spec) for want in every])
    if not spec.student:
        gone = [[quoted(tag["facet"], tag["value"]) for tag in want["tags"] if "not" in tag] for want in every]
        away = [sum(parse_tags(" ".join(words), spec.vocabulary).values(), torch.zeros(spec.places)) for words in gone]
        condition = Condition(condition.contexts, condition.scales, torch.stack(away))
    scales = torch.tensor([want["s"] for want in every])
    x = Sampler(model, spec, Sampling(precision="fp32", seed=SEED))(condition, scales, range(len(every)))
    return {"wants": every, "sprites": encoded(x)}


def encoded(x: torch.Tensor) -> str:
    """Sprites [..., C, H, W] as RGBA bytes, in base64."""
    pixels = to_uint8(x)
    if pixels.shape[-1] == 3:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], -1)
    return base64.b64encode(pixels.tobytes()).decode()


def walked(model, spec) -> dict:
    """A walk from a category, and walks from its first frame at two steps of the cycle, [3 F, H, W, 4] as base64."""
    tags = [{"facet": CATEGORY, "value": spec.moving[0]}]
    if "facing" in spec.facets:
        tags.append({"facet": "facing", "value": spec.facets["facing"][0]})
    condition, F = row({"tags": tags}, spec), spec.model.frames
    animator = Animator(model, spec, Sampling(precision="fp32", seed=SEED, complete=False))
    x = animator(condition, 2.0, [0], F, lead=0)
    places = [0, 0, F - 1]
    others = [animator(condition, 2.0, [i], F, given=x[:, :1], start=places[i]) for i in (1, 2)]
    wants = [{"tags": tags, "s": 2.0, "seed": SEED, "index": index} for index in range(3)]
    return {"wants": wants, "places": places, "sprites": encoded(torch.cat([x, *others]))}


model, out = sys.argv[1], Path(sys.argv[2])
args = Arguments(Path(model), out.parent)
found = networks(args)
with written_aside(out) as aside:
    parts = {part: recorded(*network) for part, network in found.items()}
    if walks := walking(args, next(iter(found.values()))):
        parts["walks"] = walked(*walks)
    aside.write_text(json.dumps(parts))
