"""A training step as a CUDA graph: a GPU runs the kernels of a small network faster than Python can launch them."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ddpm.training.batches import Batch

WARM_UPS = 3  # runs before capture, in which libraries choose their kernels


class Captured:
    """A forward and backward pass whose kernels are recorded once and replayed ("CUDA Graphs" in
    pytorch.org/docs/stable/notes/cuda.html).

    run: from a batch to its losses [n], leaving gradients in the parameters of `model`. All batches have the shapes of
    the first. A replay writes the gradients anew, to the same memory.
    """

    def __init__(self, run: Callable[[Batch], Tensor], model: nn.Module, batch: Batch) -> None:
        self.batch, self.parameters = copy.deepcopy(batch), list(model.parameters())
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                run(self.batch)
                model.zero_grad()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = run(self.batch)
        self.gradients = [p.grad for p in self.parameters]

    def __call__(self, batch: Batch) -> Tensor:
        for mine, new in zip(self.batch.tensors(), batch.tensors(), strict=True):
            mine.copy_(new)
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        self.graph.replay()
        return self.losses.clone()
