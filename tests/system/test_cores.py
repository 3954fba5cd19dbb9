"""Work that the cores share: what is computed is that of one of them."""

import threading

import pytest
import torch

from ddpm.system import devices
from ddpm.system.devices import limited, on_cores


@pytest.fixture(params=[1, 2, 3, 8])
def cores(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    assert torch.get_num_threads() == request.param
    torch.set_num_threads(before)


def test_results_come_in_order_from_as_many_threads_as_there_are_cores(cores):
    meet, names, told = threading.Barrier(min(cores, 4)), set(), []

    def work(i: int) -> int:
        names.add(threading.current_thread().name)
        told.append(torch.get_num_threads())
        if i < min(cores, 4):
            meet.wait(10)  # all of them are at work at once
        return i * i

    assert on_cores(work, range(4)) == [0, 1, 4, 9]
    assert len(names) == min(cores, 4) and (threading.current_thread().name in names) == (cores == 1)
    assert set(told) == {max(1, cores // 4)}
    assert on_cores(work, []) == []


def test_gradients_are_recorded_where_they_are_outside(cores):
    x = torch.ones(3, requires_grad=True)
    assert all(y.requires_grad for y in on_cores(lambda i: x * i, range(3)))
    with torch.no_grad():
        assert not any(y.requires_grad for y in on_cores(lambda i: x * i, range(3)))


def test_what_fails_is_raised_here_and_cores_are_given_back(cores):
    def work(i: int) -> int:
        if i == 2:
            raise OSError("the third")
        return i

    with pytest.raises(OSError, match="the third"):
        on_cores(work, range(4))
    with pytest.raises(ValueError), limited(1):
        raise ValueError


def test_limits_may_be_in_one_another_and_work_in_them_is_shared_by_all_cores(cores):
    with limited(1), limited(1):
        assert devices.cores() == cores and torch.get_num_threads() == 1
        assert on_cores(lambda _: torch.get_num_threads(), range(2)) == 2 * [max(1, cores // 2)]
        assert on_cores(lambda _: torch.get_num_threads(), range(1)) == [cores]
        assert torch.get_num_threads() == 1
