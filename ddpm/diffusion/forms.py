"""Forms of guidance by name: "cfg", "interval=0.5:20", "auto+apg". To add one, enter it in `DEFAULTS` and `build`.

A form is {name: numbers}. Names joined by + work together; the numbers after = replace the defaults.
"""

import difflib
import math

from torch import Tensor

from ddpm.diffusion.guidance import (
    Denoiser,
    OnGap,
    adaptive_projected,
    autoguidance,
    classifier_free,
    clip,
    dynamic_threshold,
    limited_interval,
    linear,
    rescaled,
)
from ddpm.diffusion.prediction import ContextDenoiser
from ddpm.diffusion.schedule import Schedule

Form = dict[str, tuple[float, ...]]
DEFAULTS: Form = {
    "cfg": (),  # classifier-free guidance, which all others but auto change
    "auto": (),  # autoguidance: away from a weak network instead of away from no context
    "interval": (0.5, 20.0),  # noise levels sigma / alpha between which it guides
    "apg": (0.0, 0.1, -0.5),  # adaptive projected guidance: eta, largest step, momentum
    "rescale": (0.7,),  # phi
    "threshold": (0.995,),  # quantile of dynamic thresholding
}
ALLOWED = {
    "interval": lambda low, high: 0 <= low < high,
    "apg": lambda eta, largest, momentum: math.isfinite(eta) and largest > 0 and -1 < momentum < 1,
    "rescale": lambda phi: 0 <= phi <= 1,
    "threshold": lambda share: 0 < share <= 1,
}


def parse_form(text: str) -> Form:
    """Read a form. Raises ValueError for an unknown name (with the nearest known one), or numbers that cannot work."""
    form: Form = {}
    for part in text.split("+"):
        name, equals, numbers = (s.strip() for s in part.partition("="))
        if name not in DEFAULTS:
            near = difflib.get_close_matches(name, DEFAULTS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown form of guidance {name!r} in {text!r}: {hint}Known are {', '.join(DEFAULTS)}")
        if name in form:
            raise ValueError(f"{name!r} is given twice in {text!r}")
        try:
            form[name] = tuple(float(n) for n in numbers.split(":")) if equals else DEFAULTS[name]
            ok = len(form[name]) == len(DEFAULTS[name])
        except ValueError:
            ok = False
        if not ok or (name in ALLOWED and not ALLOWED[name](*form[name])):
            usual = f"numbers as in {name}={':'.join(f'{n:g}' for n in DEFAULTS[name])}" if DEFAULTS[name] else name
            raise ValueError(f"cannot use {part.strip()!r} as a form of guidance: expected {usual}")
    if {"cfg", "auto"} <= form.keys():
        raise ValueError(f"cfg and auto cannot be joined in {text!r}: they differ in what to guide away from")
    return form


def build(
    form: Form,
    denoise: ContextDenoiser,
    context: Tensor,
    scale: float | Tensor,
    schedule: Schedule,
    *,
    weak: ContextDenoiser | None = None,
    weights: Tensor | None = None,
    negative: Tensor | None = None,
    on_gap: OnGap | None = None,
) -> Denoiser:
    """The guided denoiser of a form, for one run of a sampler; arguments as in `classifier_free` and `autoguidance`."""
    mix = adaptive_projected(*form["apg"]) if "apg" in form else linear
    if "rescale" in form:
        mix = rescaled(mix, *form["rescale"])
    steered = limited_interval(scale, schedule, *form["interval"]) if "interval" in form else scale
    if "auto" in form:
        if weak is None or negative is not None:
            raise ValueError("the form auto needs a weak network to guide away from, and takes no negative context")
        guided = autoguidance(denoise, weak, context, steered, weights=weights, mix=mix, on_gap=on_gap)
    else:
        guided = classifier_free(denoise, context, steered, weights=weights, negative=negative, mix=mix, on_gap=on_gap)
    return dynamic_threshold(guided, *form["threshold"]) if "threshold" in form else clip(guided)
