"""Several processes on one training run: each takes a slice of the step's tasks.

Started by torchrun, which sets the environment; in a single process everything here does nothing.
"""

import importlib
import os
from collections.abc import Callable, Iterable
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn


@contextmanager
def process_group(device: str | torch.device = "cpu"):
    """Join the processes that torchrun started, and part again; a no-op without torchrun."""
    wanted = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized()
    if wanted:
        cuda = torch.device(device).type == "cuda"
        if cuda:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # what "cuda" means in this process
        # This module takes the group as default arguments and would keep it, and Gloo's threads, alive
        # beyond `destroy_process_group` if an optimiser imported it later.
        importlib.import_module("torch.distributed.nn.functional")
        dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield
    finally:
        if wanted:
            dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def my_tasks(n_tasks: int) -> range:
    """The tasks of a step that this process works on."""
    if n_tasks < size():
        raise ValueError(f"n_tasks={n_tasks} is less than the {size()} processes; give each at least one task")
    return range(rank() * n_tasks // size(), (rank() + 1) * n_tasks // size())


def broadcast(module: nn.Module) -> None:
    """Give every process the weights of the first."""
    if size() > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


def first_does(work: Callable[[], None]) -> None:
    """The first process works while the others wait; where it fails, they fail with it."""
    failure = None
    if rank() == 0:
        try:
            work()
        except (ValueError, OSError) as error:
            failure = error
    if size() > 1:
        failed = torch.tensor(failure is not None, device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.broadcast(failed, 0)
        if failed and failure is None:
            failure = ValueError("the first process could not begin; it says why")
    if failure is not None:
        raise failure


def combine(parameters: Iterable[nn.Parameter], losses: Tensor, n_tasks: int) -> Tensor:
    """Turn the gradients of each process's mean into the gradient of the mean over all tasks.

    One all_reduce for gradients and losses together. Returns the losses of all tasks, (n_tasks,).
    """
    if size() == 1:
        return losses
    grads = [p.grad for p in parameters if p.grad is not None]
    mine = my_tasks(n_tasks)
    all_losses = losses.new_zeros(n_tasks)
    all_losses[mine.start : mine.stop] = losses
    share = len(mine) / n_tasks
    flat = torch.cat([grad.flatten() * share for grad in grads] + [all_losses])
    dist.all_reduce(flat)
    start = 0
    for grad in grads:
        grad.copy_(flat[start : start + grad.numel()].view_as(grad))
        start += grad.numel()
    return flat[start:]
