"""What a loop measures as it runs: means of losses by group, and its speed."""

import time
from collections.abc import Mapping

import torch
from torch import Tensor


class GroupMeans:
    """Running means of per-sample losses by group, over the steps since the last `pop`.

    names: for each kind of group, the names of its G groups.
    """

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.sums: dict[str, Tensor] = {}  # by kind, [2, G]: the sum of the losses of each group, and their number

    def state_dict(self) -> dict[str, Tensor]:
        return self.sums

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        for kind, sums in state.items():
            if sums.shape != (2, len(self.names[kind])):
                raise ValueError(f"the means of {kind} are {list(sums.shape)}, expected [2, {len(self.names[kind])}]")
        self.sums = dict(state)

    def add(self, losses: Tensor, groups: dict[str, Tensor]) -> None:
        """losses float [B]; groups: for each kind of group, its index for each sample, int64 [B]."""
        for kind, index in groups.items():
            pair = torch.stack([losses, torch.ones_like(losses)])
            sums = torch.zeros(2, len(self.names[kind]), device=pair.device).index_add_(1, index, pair)
            if kind in self.sums:
                sums += self.sums[kind].to(pair.device)
            self.sums[kind] = sums

    def pop(self) -> dict[str, float]:
        """{"kind/name": mean} of the groups that had samples; starts anew."""
        means = {
            f"{kind}/{name}": (losses / count).item()
            for kind, sums in self.sums.items()
            for name, losses, count in zip(self.names[kind], *sums.cpu(), strict=True)
            if count
        }
        self.sums = {}
        return means


class Clock:
    """Steps a second since it was last asked."""

    def __init__(self, step: int):
        self.restart(step)

    def restart(self, step: int) -> None:
        """Count from this step and time on."""
        self.step, self.time = step, time.monotonic()

    def rate(self, step: int) -> float:
        """Steps a second until this one; starts anew."""
        began, then = self.step, self.time
        self.restart(step)
        return (step - began) / (self.time - then)
