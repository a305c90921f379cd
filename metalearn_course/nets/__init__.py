"""The networks that learners stand on: the course's own, and `wrap` for any other.

Normalisation keeps no running averages. Which pictures the statistics come from is an argument,
because in few-shot learning it decides the result (see `Embedding`).
"""

from metalearn_course.nets.conv4 import Block, Conv4, MamlNet
from metalearn_course.nets.embedding import Embedding, check
from metalearn_course.nets.norm import Norm, Stats
from metalearn_course.nets.wrapped import Wrapped, wrap

NETS = {net.__name__: net for net in (Conv4, MamlNet)}  # the one place where a new net is entered

__all__ = ["NETS", "Block", "Conv4", "Embedding", "MamlNet", "Norm", "Stats", "Wrapped", "check", "wrap"]
