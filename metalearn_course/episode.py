"""What a task is made of: labelled pictures, split into support and query.

All three types are NamedTuples of tensors. PyTorch treats those as pytrees, so an `Episode` can be
indexed by task, moved to a device and passed through `torch.vmap` without any code of ours.
"""

from typing import NamedTuple

from torch import Tensor
from torch.utils._pytree import tree_map


class LabelledSet(NamedTuple):
    """Pictures and their labels.

    >>> pictures = LabelledSet(torch.zeros(10, 1, 28, 28), torch.arange(10) % 5)  # two of each of five classes
    >>> pictures.x.shape, pictures.y.bincount().tolist()
    (torch.Size([10, 1, 28, 28]), [2, 2, 2, 2, 2])
    """

    x: Tensor  # (..., M, C, H, W), float
    y: Tensor  # (..., M), int64 in 0..n_way-1


class Episode(NamedTuple):
    """One task, or a batch of tasks when every tensor leads with a task axis T.

    >>> support = LabelledSet(torch.zeros(8, 5, 1, 28, 28), torch.arange(5).expand(8, 5))
    >>> episodes = Episode(support, query=support, classes=torch.arange(5).expand(8, 5))  # eight 5-way 1-shot tasks
    >>> episodes.n_tasks, episodes.n_way, episodes.task(0).support.x.shape
    (8, 5, torch.Size([5, 1, 28, 28]))
    """

    support: LabelledSet  # n_way * k_shot pictures to learn from
    query: LabelledSet  # n_way * n_query pictures to be judged on
    classes: Tensor  # (..., n_way): label i of the task stands for class classes[i] of the dataset

    @property
    def n_way(self) -> int:
        """How many classes a task has; known from the shape, never read from the labels."""
        return self.classes.shape[-1]

    @property
    def n_tasks(self) -> int:
        """Length of the task axis."""
        return self.classes.shape[0]

    def task(self, index: int | slice) -> "Episode":
        """Task `index` without the task axis, or the tasks of a slice."""
        return tree_map(lambda tensor: tensor[index], self)

    def to(self, device) -> "Episode":
        """The same episode on another device."""
        return tree_map(lambda tensor: tensor.to(device), self)
