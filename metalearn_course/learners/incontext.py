"""Few-shot learning in the forward pass of a transformer: the support set is its context."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.learners.embedding import EmbeddingLearner


class InContextState(NamedTuple):
    """What the layers keep of the support set, and the statistics to normalise queries with (none: their own)."""

    keys: Tensor  # (L, H, M, d): of every layer and head, one for each support picture
    values: Tensor  # (L, H, M, d)
    codes: Tensor  # (n_way, n_codes), one-hot: the code that stands for each label
    stats: tuple = ()


class Layer(nn.Module):
    """Attention over the support set, then a small network for each token (Vaswani et al. 2017, arXiv 1706.03762).

    Both read a normalised token and add to it. With `alike` the key's weights start as a copy of the
    query's: a picture then looks for pictures like itself from the first step on.
    """

    def __init__(self, width: int, heads: int, alike: bool):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_think = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        if alike:
            self.key.load_state_dict(self.query.state_dict())

    def keys_and_values(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What support tokens (M, width) offer to whoever reads them: two tensors (H, M, d), d = width / H."""
        tokens = self.norm(tokens)
        return self._by_head(self.key(tokens)), self._by_head(self.value(tokens))

    def attention(self, tokens: Tensor, keys: Tensor) -> Tensor:
        """How much each of the tokens (B, width) attends to each support picture: (H, B, M), rows that sum to 1."""
        queries = self._by_head(self.query(self.norm(tokens)))
        return (queries @ keys.mT / keys.shape[-1] ** 0.5).softmax(-1)

    def forward(self, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The tokens (B, width) after they have read the support set."""
        read = self.attention(tokens, keys) @ values  # (H, B, d)
        tokens = tokens + self.out(read.transpose(0, 1).flatten(1))
        return tokens + self.think(self.norm_think(tokens))

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(B, width) -> (H, B, d)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(0, 1)


class InContext(EmbeddingLearner):
    """Tells the classes of a task apart by reading its support set; no weight changes, nothing is averaged by hand.

    A token per picture: `width` numbers of what it shows, and `n_codes` of its label. A support picture
    carries the one-hot code of its label, a query a learned "unknown" code. Support pictures read the support
    set, queries read what it offers in every layer, and no query another: predictions are inductive. The
    score of a class is what the last layer writes in its query, read out against the code of the class.
    Which code stands for which label is drawn anew for every task of training, so that all codes are learned.

    layers, heads: of the transformer; width + n_codes is a multiple of heads
    width: numbers of a token that say what its picture shows
    n_codes: the most classes that a task may have, in training or at test
    alike: the weights of the keys start as a copy of those of the queries (see Layer)
    frozen: the net stays as it is, and the transformer alone learns
    Few-shot learning with one sequence model: Santoro et al. 2016 (arXiv 1605.06065), Mishra et al. 2018 (arXiv
    1707.03141); by a transformer with codes for labels: Kirsch et al. 2022 (arXiv 2212.04458).
    """

    layers: Any  # an nn.ModuleList of Layer: torch has no type for the elements

    train_defaults = dict(n_way=20, n_query=3, n_tasks=8, warm_up=100, decay=0.5, clip=1.0)

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        layers: int = 1,
        heads: int = 4,
        width: int = 96,
        n_codes: int = 32,
        alike: bool = True,
        frozen: bool = False,
        norm: str = "running",
    ):
        super().__init__(net, n_way, norm)
        if layers < 1 or heads < 1 or (width + n_codes) % heads:
            raise ValueError(f"layers={layers}, heads={heads}: at least one of each, and heads divide width + n_codes")
        self.n_codes = n_codes
        self._check_ways(n_way)
        self.read_in = nn.Sequential(nn.LayerNorm(self.net.out_features), nn.Linear(self.net.out_features, width))
        self.unknown = nn.Parameter(torch.zeros(n_codes))
        self.layers = nn.ModuleList(Layer(width + n_codes, heads, alike) for _ in range(layers))
        self.read_out = nn.Sequential(nn.LayerNorm(width + n_codes), nn.Linear(width + n_codes, n_codes))
        self.net.requires_grad_(not frozen)

    def draw_noise(self, generator: torch.Generator) -> dict[str, Tensor]:
        """An order of the codes for one task: label i has the code order[i]."""
        return {"order": torch.randperm(self.n_codes, generator=generator)}

    def remember(self, features: Tensor, y: Tensor, n_way: int, order: Tensor | None = None) -> InContextState:
        """What every layer keeps of support pictures with features (M, D) and labels y (M,)."""
        codes = torch.eye(self.n_codes, dtype=features.dtype, device=features.device)
        codes = (codes if order is None else codes[order])[:n_way]
        tokens = torch.cat([self.read_in(features), F.one_hot(y, n_way).to(codes) @ codes], -1)
        kept = []
        for layer in self.layers:
            kept.append(layer.keys_and_values(tokens))
            tokens = layer(tokens, *kept[-1])
        keys, values = map(torch.stack, zip(*kept))
        return InContextState(keys, values, codes)

    def query_tokens(self, features: Tensor) -> Tensor:
        """(Q, width + n_codes): what each query shows, and that its label is unknown."""
        return torch.cat([self.read_in(features), self.unknown.expand(len(features), -1)], -1)

    def attention(self, state: InContextState, features: Tensor) -> Tensor:
        """How much each query attends to each support picture, by layer and head: (Q, D) -> (L, H, Q, M)."""
        tokens, found = self.query_tokens(features), []
        for layer, keys, values in zip(self.layers, state.keys, state.values):
            found.append(layer.attention(tokens, keys))
            tokens = layer(tokens, keys, values)
        return torch.stack(found)

    def scores(self, state: InContextState, features: Tensor) -> Tensor:
        """(Q, n_way) scores of queries with features (Q, D)."""
        tokens = self.query_tokens(features)
        for layer, keys, values in zip(self.layers, state.keys, state.values):
            tokens = layer(tokens, keys, values)
        return self.read_out(tokens) @ state.codes.T

    def _check_ways(self, n_way: int) -> None:
        """Any number of classes up to the number of codes."""
        if n_way > self.n_codes:
            raise ValueError(f"the task has {n_way} classes, but this InContext has codes for {self.config['n_codes']}")
