"""Forms of guidance by name: "cfg", "interval=0.3:5", "auto+apg".

A form is one or several names of `FORMS`, joined by +; numbers after = replace the defaults. Each name changes one
part of a `Plan`, from which the guided denoiser is built. To add a form, write a function from its numbers to such a
change, with defaults for all of them, and enter it in `FORMS`.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ddpm.context.condition import Condition
from ddpm.diffusion import guidance
from ddpm.diffusion.guidance import Mix, OnGap, Scale
from ddpm.diffusion.prediction import ContextDenoiser, Denoiser
from ddpm.diffusion.schedule import Schedule
from ddpm.system.names import near


@dataclass(frozen=True)
class Plan:
    """How one run of a sampler is guided."""

    schedule: Schedule
    scale: Scale
    mix: Mix = guidance.extrapolated
    keep: Callable[[Denoiser], Denoiser] = guidance.clip
    away_from_weak: bool = False
    """Away from a weak network instead of away from no context."""


USUAL = "usual"  # the form that suits a sampler (ddpm/sampling.py)
Change = Callable[[Plan], Plan]
Form = dict[str, Change]


def cfg() -> Change:
    """Classifier-free guidance at all levels of noise, which all others but auto change."""
    return lambda plan: plan


def auto() -> Change:
    """Autoguidance."""
    return lambda plan: replace(plan, away_from_weak=True)


def interval(low: float = 0.3, high: float = 5.0) -> Change:
    """Guide, with s above 1, only at noise levels sigma / alpha between these."""
    if not 0 <= low < high:
        raise ValueError
    return lambda plan: replace(plan, scale=guidance.limited_interval(plan.scale, plan.schedule, low, high))


def apg(eta: float = 0.0, largest: float = 0.1, momentum: float = -0.5) -> Change:
    """Adaptive projected guidance."""
    if not (math.isfinite(eta) and largest > 0 and -1 < momentum < 1):
        raise ValueError
    return lambda plan: replace(plan, mix=guidance.adaptive_projected(eta, largest, momentum))


def rescale(phi: float = 0.7) -> Change:
    """Bring the contrast back to that of cond, by a share phi of the way."""
    if not 0 <= phi <= 1:
        raise ValueError
    return lambda plan: replace(plan, mix=guidance.rescaled(plan.mix, phi))


def threshold(share: float = 0.995) -> Change:
    """Dynamic thresholding at this quantile."""
    if not 0 < share <= 1:
        raise ValueError
    return lambda plan: replace(plan, keep=partial(guidance.dynamic_threshold, share=share))


FORMS: dict[str, Callable[..., Change]] = {  # in the order in which they change the plan
    "cfg": cfg,
    "auto": auto,
    "interval": interval,
    "apg": apg,
    "rescale": rescale,
    "threshold": threshold,
}


def parse_form(text: str) -> Form:
    """Read a form; the usual one is empty. Raises ValueError for an unknown name (with the nearest known one), or
    numbers that cannot work."""
    form: Form = {}
    for part in text.split("+") if text != USUAL else ():
        name, equals, numbers = (s.strip() for s in part.partition("="))
        if name not in FORMS:
            meant = near(name, FORMS)
            hint = f"did you mean {meant!r}? " if meant else ""
            raise ValueError(f"unknown form of guidance {name!r} in {text!r}: {hint}Known are {', '.join(FORMS)}")
        if name in form:
            raise ValueError(f"{name!r} is given twice in {text!r}")
        defaults = [p.default for p in inspect.signature(FORMS[name]).parameters.values()]
        try:
            values = [float(n) for n in numbers.split(":")] if equals else defaults
            if len(values) != len(defaults):
                raise ValueError
            form[name] = FORMS[name](*values)
        except ValueError:
            usual = f"numbers as in {name}={':'.join(f'{n:g}' for n in defaults)}" if defaults else name
            raise ValueError(f"cannot use {part.strip()!r} as a form of guidance: expected {usual}") from None
    if {"cfg", "auto"} <= form.keys():
        raise ValueError(f"cfg and auto cannot be joined in {text!r}: they differ in what to guide away from")
    return form


def planned(form: Form, scale: Scale, schedule: Schedule) -> Plan:
    """The plan of a form for one run of a sampler."""
    plan = Plan(schedule, scale)
    for name in FORMS:
        plan = form[name](plan) if name in form else plan
    return plan


def guided_at(form: Form, schedule: Schedule, timesteps: Tensor) -> Tensor:
    """bool [S]: at which timesteps, int64 [S], a scale above 1 counts."""
    scale = planned(form, 2.0, schedule).scale
    return torch.as_tensor(scale(timesteps) if callable(scale) else scale).expand(len(timesteps)) > 1


def build(
    form: Form,
    denoise: ContextDenoiser,
    condition: Condition,
    scale: float | Tensor,
    schedule: Schedule,
    *,
    weak: ContextDenoiser | None = None,
    on_gap: OnGap | None = None,
) -> Denoiser:
    """The guided denoiser of a form, for one run of a sampler. Raises ValueError for the form auto without `weak`."""
    plan = planned(form, scale, schedule)
    if not plan.away_from_weak:
        guided = guidance.classifier_free(denoise, condition, plan.scale, mix=plan.mix, on_gap=on_gap)
    elif weak is None:
        raise ValueError("the form auto needs a weak network to guide away from")
    else:
        guided = guidance.autoguidance(denoise, weak, condition, plan.scale, mix=plan.mix, on_gap=on_gap)
    return plan.keep(guided)
