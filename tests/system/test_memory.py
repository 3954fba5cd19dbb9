"""What is free, and what is refused because it cannot fit."""

import dataclasses
import platform
import re
import resource
import subprocess
import sys
import time

import pytest
import torch
from conftest import assert_one_line_error, command, finish

from ddpm.commands.shared import errors
from ddpm.config import DiffusionConfig, ModelConfig, OptimConfig
from ddpm.runs.spec import ModelSpec
from ddpm.system import memory
from ddpm.training.footprint import check_training_fits, footprint
from ddpm.training.optim import Optimizers


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A made-up machine with 8 GiB free: write to its files."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")

    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    write("proc/meminfo", f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {8 * 2**20} kB\n")
    return write


def test_the_least_of_memory_and_cgroups_is_available(system):
    assert memory.available() == 8 * 2**30
    system("proc/meminfo", f"MemAvailable: {6 * 2**20} kB\nSwapFree: {2 * 2**20} kB\n")
    assert memory.available() == 8 * 2**30
    system("proc/self/cgroup", "4:memory:/box/inner\n1:cpu:/box\n0::/unit\n")
    system("cgroup/unit/memory.max", "max\n")
    system("cgroup/unit/memory.current", "77\n")
    assert memory.available() == 8 * 2**30
    system("cgroup/memory.max", str(2**30))  # of all that is below it
    system("cgroup/memory.current", str(2**29))
    system("cgroup/memory.stat", f"anon 5\ninactive_file {2**20}\nactive_file {2**21}\n")
    assert memory.available() == 2**29 + 2**20 + 2**21  # files that are mapped go when there is need
    system("cgroup/memory/box/memory.limit_in_bytes", "1000\n")
    system("cgroup/memory/box/memory.usage_in_bytes", "900\n")
    assert memory.available() == 100
    system("cgroup/memory/box/memory.usage_in_bytes", "1900\n")
    assert memory.available() == 0


def test_a_limit_of_addresses_counts(system, monkeypatch):
    system("proc/self/status", f"VmPeak: 1 kB\nVmSize: {2**20} kB\n")
    monkeypatch.setattr(resource, "getrlimit", lambda what: (3 * 2**30, resource.RLIM_INFINITY))
    assert memory.available() == 2 * 2**30


def test_where_nothing_is_told_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROC", tmp_path)
    memory.check_fits("all there is", 2**60, "")


glibc = pytest.mark.skipif(
    platform.libc_ver() < ("glibc", "2.35"), reason="other libraries keep smaller blocks, or none"
)


@glibc
def test_what_is_freed_is_used_again():
    code = """
import resource
from ddpm.system.memory import keep_freed

def cleared():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        b"x" * 40_000_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(cleared(), keep_freed(), cleared(), cleared())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, kept, _, after = done.stdout.split()
    assert kept == "True" and int(after) < int(before) / 50


@glibc
def test_what_a_thread_frees_is_used_again():
    code = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from ddpm.system.memory import keep_freed, keep_freed_here

def cleared():
    for _ in range(2):  # the first time all pages are new
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        blocks = [b"x" * 20_000_000 for _ in range(10)]
        del blocks
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

def in_thread(begin):
    with ThreadPoolExecutor(1, initializer=begin) as pool:
        return pool.submit(cleared).result()

keep_freed_here()  # nothing, in a process that does not keep
keep_freed()
if "limited" in sys.argv:
    resource.setrlimit(resource.RLIMIT_AS, (2**40, resource.getrlimit(resource.RLIMIT_AS)[1]))
print(in_thread(lambda: None), in_thread(keep_freed_here))
"""

    def faults(*how):
        done = subprocess.run([sys.executable, "-c", code, *how], capture_output=True, text=True, check=True)
        return map(int, done.stdout.split())

    usual, kept = faults()
    assert kept < usual / 50
    usual, limited = faults("limited")
    assert limited > usual / 2


def test_commands_keep_what_they_free(monkeypatch):
    done = []
    monkeypatch.setattr(errors, "keep_freed", lambda: done.append("kept"))
    assert errors.exit_on_user_error(lambda: len(done))() == 1


def test_what_cannot_fit_is_refused_with_both_figures(system):
    memory.check_fits("a small thing", 2**33, "")
    with pytest.raises(ValueError, match=r"a large thing would take 12\.0 GiB of memory, 8\.0 GiB are free: take less"):
        memory.check_fits("a large thing", 12 * 2**30, "take less")


def spec_of(size=16, **model):
    return ModelSpec(size, 4, ("a", "b"), ModelConfig(**model), DiffusionConfig())


@pytest.mark.parametrize(
    "spec, precision",
    [
        (spec_of(), "fp32"),
        (spec_of(), "bf16"),
        (spec_of(20, widths=(8, 24), attention=(0, 1), blocks=2, patch=2), "fp32"),
        (spec_of(widths=(32, 64), attention=(0, 1)), "bf16"),
        (dataclasses.replace(spec_of(), facets={"kind": ("x", "y", "z")}), "fp32"),
    ],
)
def test_what_a_forward_pass_keeps_is_estimated_from_below(spec, precision):
    model, samples, kept = spec.build(), 3, {}
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # which keeps the address from being taken again
        return tensor

    def keep(count):
        kept.clear()
        x, t = torch.rand(count, 4, spec.size, spec.size), torch.zeros(count, dtype=torch.long)
        with (
            torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x),
            torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
        ):
            model(x, t, torch.ones(count, spec.places)).float().square().mean()
        return sum(storage.nbytes() for storage in kept.values())

    true = (keep(samples) - keep(1)) / (samples - 1)  # without the weights in lower precision
    estimate = footprint(spec, OptimConfig(precision=precision), torch.device("cpu")).sample
    assert 0.75 * true < estimate <= true


def test_lasting_tensors_are_counted_to_the_byte():
    spec = spec_of(widths=(16, 16), attention=())
    for optimizer in ("muon", "adamw"):
        optim = OptimConfig(optimizer=optimizer)
        model = spec.build()
        optimizers = Optimizers(model, optim)
        model(torch.rand(2, 4, 16, 16), torch.zeros(2, dtype=torch.long), torch.ones(2, 2)).sum().backward()
        optimizers.step(1.0)
        states = [v for o in optimizers.parts.values() for s in o.state.values() for k, v in s.items() if k != "step"]
        count = sum(t.nbytes for t in states) + 2 * sum(p.nbytes for p in model.parameters())
        assert footprint(spec, optim, torch.device("cpu")).lasting == count


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--model.widths", 8192, 8192, 8192], ["GiB are free: give narrower --model.widths than 8192 8192 8192"]),
        (["--model.widths", 1024, 1024, "--optim.batch", 65536], ["--optim.accumulate", "a smaller --optim.batch"]),
    ],
)
def test_a_training_that_cannot_fit_is_refused_before_it_is_built(tmp_path, npy_folder, flags, words):
    (tmp_path / "c.toml").write_text("")
    begun = time.monotonic()
    # In 32 GiB at most, wherever this is run.
    code = (
        f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, ({2**35},) * 2); sys.argv = sys.argv[1:]"
    )
    line = [*command("train", tmp_path / "c.toml", "--data", npy_folder, "--out", tmp_path / "run"), *map(str, flags)]
    line[1:1] = ["-c", f"{code}; runpy.run_path(sys.argv[0], run_name='__main__')"]
    result = finish(line)
    assert_one_line_error(result, "training would take", *words)
    assert time.monotonic() - begun < 60 and not (tmp_path / "run").exists()


def test_a_batch_in_parts_takes_less_and_the_advice_suffices(system, monkeypatch):
    spec, cpu = spec_of(widths=(64, 64)), torch.device("cpu")
    optim = OptimConfig(batch=16384, precision="fp32")
    with pytest.raises(ValueError, match=r"--optim.accumulate \d+, a smaller --optim.batch or narrower") as told:
        check_training_fits(spec, optim, cpu)
    parts = int(re.search(r"accumulate (\d+)", str(told.value))[1])
    check_training_fits(spec, dataclasses.replace(optim, accumulate=parts), cpu)
    assert footprint(spec, dataclasses.replace(optim, accumulate=parts), cpu).peak > 2**32  # most of 8 GiB is used
