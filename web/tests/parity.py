"""Sprites by PyTorch, for tests/parity.test.js: the page must draw the same of the same seed.

python web/tests/parity.py shipped web/tests/parity.json
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import torch

from ddpm.commands.files.export_web import Arguments, networks
from ddpm.config import Sampling
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_uint8
from ddpm.sampling import Sampler
from ddpm.system.outputs import written_aside

SEED = 3


def asked(spec) -> torch.Tensor:
    """Contexts [B, V]: each category, and of a model with tags the first values of the first three facets together."""
    contexts = spec.contexts()
    if spec.facets:
        together = torch.zeros(1, spec.places)
        start = 0
        for values in list(spec.vocabulary.values())[:3]:
            together[0, start] = 1
            start += len(values)
        contexts = torch.cat([contexts, together])
    return contexts


def recorded(model, spec) -> dict:
    """Sprites of all that is asked at two scales, [B, H, W, 4] as base64, and what they were made from."""
    contexts = asked(spec).repeat(2, 1)
    scales = torch.tensor([0.0, 2.0]).repeat_interleave(len(contexts) // 2)
    how = Sampling(precision="fp32", seed=SEED)
    away = torch.zeros_like(contexts)
    if not spec.student:
        away[-1, 1] = 1  # the last goes away from the second category
    condition = Condition.of(contexts, None if spec.student else away)
    x = Sampler(model, spec, how)(condition, scales, range(len(contexts)))
    pixels = to_uint8(x)
    if pixels.shape[-1] == 3:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], -1)
    return {
        "contexts": contexts.tolist(),
        "away": away.tolist(),
        "scales": scales.tolist(),
        "seed": SEED,
        "sprites": base64.b64encode(pixels.tobytes()).decode(),
    }


model, out = sys.argv[1], Path(sys.argv[2])
found = networks(Arguments(Path(model), out.parent))
with written_aside(out) as aside:
    aside.write_text(json.dumps({part: recorded(*network) for part, network in found.items()}))
