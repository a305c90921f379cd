"""What a training run needs to go on, as one file: weights, the optimiser's state, and info."""

from pathlib import Path

import torch
from torch import nn

from metalearn_course.common import storage
from metalearn_course.evaluation.leakage import IDS, without_ids


def save(path: Path, learner: nn.Module, info: dict, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Write the weights, `info`, and the optimiser's state.

    info: anything JSON can say, and under "trained_on" what `evaluation.leakage.after_training_on` returns, whose
    ids become a tensor of the file.
    """
    tensors = {f"learner.{name}": tensor for name, tensor in learner.state_dict().items()}
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    seen = info.get("trained_on") or {}
    if IDS in seen:
        tensors[f"trained_on.{IDS}"] = seen[IDS]
        info = info | {"trained_on": without_ids(seen)}
    storage.write(path, tensors, info)


def read(path: Path) -> storage.Content:
    """Tensors and info of a checkpoint; ValueError where the file is damaged or something else."""
    tensors, info = storage.read(path)
    if not {"setup", "trained_on"} <= info.keys():
        raise ValueError(f"{path} holds no learner: it is not the checkpoint of a training run")
    if f"trained_on.{IDS}" in tensors:
        info["trained_on"][IDS] = tensors.pop(f"trained_on.{IDS}")
    return tensors, info


def restore_learner(learner: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Put the weights of a checkpoint into the learner."""
    prefix = "learner."
    learner.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put the optimiser's state of a checkpoint into the optimiser."""
    state: dict[int, dict] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
