"""What is free, and what is refused because it cannot fit."""

import resource

import pytest

from ddpm import memory


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
    system("proc/self/cgroup", "4:memory:/box/inner\n1:cpu:/box\n0::/unit\n")
    system("cgroup/unit/memory.max", "max\n")
    system("cgroup/unit/memory.current", "77\n")
    assert memory.available() == 8 * 2**30
    system("cgroup/memory.max", str(2**30))  # of all that is below it
    system("cgroup/memory.current", str(2**29))
    system("cgroup/memory.stat", f"anon 5\ninactive_file {2**20}\n")
    assert memory.available() == 2**29 + 2**20
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


def test_what_cannot_fit_is_refused_with_both_figures(system):
    memory.check_fits("a small thing", 2**33, "")
    with pytest.raises(ValueError, match=r"a large thing would take 12\.0 GiB of memory, 8\.0 GiB are free: take less"):
        memory.check_fits("a large thing", 12 * 2**30, "take less")
