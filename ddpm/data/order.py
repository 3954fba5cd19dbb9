"""Randomness that needs no state: generators seeded from several numbers, and an order of samples."""

import numpy as np
import torch
from torch import Tensor

# Streams of random numbers of a run, kept apart by their seeds.
ORDER, STEP, VALIDATION, CONDITIONS, VOLUMES, SCALES, CYCLES = range(7)


def seed_of(*parts: int) -> int:
    """A 64-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def generator(*parts: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded from several numbers. Those of a CPU and of a GPU give other numbers."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


class ShuffledOrder:
    """Endless order over n samples: one permutation of all after another, a function of (seed, position) alone."""

    def __init__(self, n: int, seed: int):
        self.n, self.seed = n, seed
        self._permutations: dict[int, Tensor] = {}

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self._permutations:
            self._permutations = {e: p for e, p in self._permutations.items() if e == epoch - 1}
            self._permutations[epoch] = torch.randperm(self.n, generator=generator(self.seed, ORDER, epoch))
        return self._permutations[epoch]

    def __call__(self, start: int, count: int) -> Tensor:
        """int64 [count]: the samples at positions start ... start + count - 1."""
        positions = torch.arange(start, start + count)
        epochs = positions // self.n
        return torch.cat([self._permutation(int(e))[positions[epochs == e] % self.n] for e in epochs.unique()])
