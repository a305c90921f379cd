"""VILM: a variational autoencoder, trained across tasks, draws training pictures for a new task.

No method of this name is published. The course calls so what joins three ideas: the autoencoder of
sets of Edwards & Storkey 2017 (arXiv 1606.02185), the objective of Hewitt et al. 2018 (arXiv
1807.08919), and a query loss that reaches the generator, of Wang et al. 2018 (arXiv 1801.05401).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.learners.base import Learner
from metalearn_course.learners.baseline import Pretrained, PretrainedState
from metalearn_course.learners.set_autoencoder import SetVAE

WAYS, PICTURES, DRAWN = 100, 1024, 20  # classes, targets, and generated pictures a class that there is noise for


class VILM(Pretrained):
    """Fits the task's classifier to the support set and to m generated pictures of every class.

    The embedding is frozen in training and has to be a trained one (train vilm --init RUN); only the
    generator learns. Its loss is -ELBO a query picture, in nats, plus query_weight * the cross-entropy on
    the query of a head fitted, in train_steps steps, to real and generated pictures; the gradient of the
    latter goes through the head's steps and the embedding into the pictures. query_weight=0: ELBO alone.

    m: pictures drawn per class, up to 20; with m=0 this is `Pretrained`, to the last bit.
    weight: how much a generated picture counts in the classifier's loss, where a real one counts 1.
    temperature: deviation of z when pictures are drawn.
    class_temperature: that of c, in deviations of q(c | support); 0 takes its mean.
    query_weight: of the query loss; 0 trains by the ELBO alone.
    train_steps: gradient steps that fit a head in training.
    class_size: pictures of a class, which share one KL of c.
    hidden: width of the autoencoder.
    c_size: numbers that describe a class.
    z_size: numbers that tell the pictures of a class apart.
    fitting: options of `Pretrained`, which say how the classifier is fitted: to a frozen embedding, or
        (tune_steps) moving the net as well.
    """

    train_defaults = dict(n_way=20, n_query=5, n_tasks=1, decay=0.3)

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        m: int = 5,
        weight: float = 0.2,
        temperature: float = 1.0,
        class_temperature: float = 0.0,
        query_weight: float = 10.0,
        train_steps: int = 10,
        class_size: int = 20,
        hidden: int = 384,
        c_size: int = 64,
        z_size: int = 8,
        **fitting: Any,
    ):
        fitting.update(n_classes=1)
        super().__init__(net, n_way, **fitting)
        if not 0 <= m <= DRAWN:
            raise ValueError(f"m={m}: choose 0 to {DRAWN} generated pictures a class")
        if min(weight, temperature, class_temperature, query_weight) < 0:
            raise ValueError("weight, temperature, class_temperature and query_weight cannot be negative")
        self.training_head = None
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        drawing = dict(m=m, weight=weight, temperature=temperature, class_temperature=class_temperature)
        training = dict(query_weight=query_weight, train_steps=train_steps, class_size=class_size)
        sizes = dict(hidden=hidden, c_size=c_size, z_size=z_size)
        self.config = {k: v for k, v in self.config.items() if k != "n_classes"} | drawing | training | sizes
        self.test_options = {**self.test_options, "m": m}
        self.generator = SetVAE(self.net.config["in_channels"], self.net.config.get("image_size", 28), **sizes)
        for name, noise in self.draw_noise(torch.Generator().manual_seed(0)).items():
            self.register_buffer(f"usual_{name}", noise, persistent=False)

    def draw_noise(self, generator: torch.Generator) -> dict[str, Tensor]:
        """For the c of every class, for the z of every target, and for the z of every generated picture."""
        c_size, z_size = self.config["c_size"], self.config["z_size"]
        return {
            "c": torch.randn(WAYS, c_size, generator=generator),
            "z": torch.randn(PICTURES, z_size, generator=generator),
            "drawn": torch.randn(WAYS, DRAWN, z_size, generator=generator),
        }

    def losses(self, episodes: Episode, noise=()) -> Tensor:
        """-ELBO a query picture + query_weight * query cross-entropy of every task, (T,)."""
        return Learner.losses(self, episodes, noise)

    def task_loss(self, episode: Episode, noise=()) -> Tensor:
        """The loss of one task, from the support set to the query."""
        noise, (support, query, _), n_way = self._noise(noise), episode, episode.n_way
        c_noise, z_noise = noise["c"][:n_way], noise["z"][: len(query.y)]
        if len(z_noise) < len(query.y):
            raise ValueError(f"{len(query.y)} queries, but there is noise for {PICTURES}; use fewer")
        elbo = self.generator.elbo(support, query, n_way, c_noise, z_noise, self.config["class_size"]).mean()
        if not self.config["query_weight"]:
            return -elbo
        steps = self.config["train_steps"]
        state = self.adapt_state(support, n_way=n_way, norm=self.norm, noise=noise, steps=steps)
        return self.config["query_weight"] * F.cross_entropy(self.logits(state, query.x), query.y) - elbo

    def adapt_state(
        self,
        support: LabelledSet,
        *,
        n_way=None,
        norm=None,
        noise=(),
        m: int | None = None,
        weight=None,
        make=None,
        **options,
    ) -> PretrainedState:
        """The classifier fitted to real and m generated pictures a class.

        make: another maker of further pictures than `generate`, with its arguments (see augmentation.py).
        options: temperature and class_temperature go to the maker, the others to `Pretrained.adapt_state`.
        """
        m, n_way = self.config["m"] if m is None else m, n_way or self.n_way
        drawing = {name: options.pop(name) for name in ("temperature", "class_temperature") if name in options}
        if m > 0:
            made = (make or self.generate)(support, m, n_way=n_way, noise=self._noise(noise), **drawing)
            weight = self.config["weight"] if weight is None else weight
            options["more"] = made, made.x.new_full((len(made.y),), weight)
        return super().adapt_state(support, n_way=n_way, norm=norm, **options)

    def generate(
        self, support: LabelledSet, m: int, *, n_way=None, noise=(), temperature=None, class_temperature=None
    ) -> LabelledSet:
        """m pictures of every class of the support set (no task axis), in 0..1: x (n_way * m, C, H, W)."""
        if not 1 <= m <= DRAWN:
            raise ValueError(f"m={m}: choose 1 to {DRAWN} generated pictures a class")
        n_way, noise = n_way or int(support.y.max()) + 1, self._noise(noise)
        if n_way > WAYS:
            raise ValueError(f"{n_way} classes, but there is noise for {WAYS}; use fewer")
        for_z = self.config["temperature"] if temperature is None else temperature
        for_c = self.config["class_temperature"] if class_temperature is None else class_temperature
        c = self.generator.classes(support, n_way).draw(for_c * noise["c"][:n_way])  # (n_way, c_size)
        z = for_z * noise["drawn"][:n_way, :m].flatten(0, 1)  # (n_way * m, z_size)
        y = torch.arange(n_way, device=z.device).repeat_interleave(m)
        return LabelledSet(self.generator.generate(c[y], z), y)

    def start_from(self, other: Learner) -> None:
        """Stand on another learner's net, with its running statistics, scale and generator, where it has them."""
        super().start_from(other)
        if isinstance(other, VILM):
            self.generator.load_state_dict(other.generator.state_dict())
        for name in ("running", "log_scale"):
            if getattr(self, name, None) is not None and getattr(other, name, None) is not None:
                getattr(self, name).data.copy_(getattr(other, name).data)

    @torch.no_grad()
    def calibrate(self, episodes: Episode) -> None:
        """Measure running statistics where there are none; those of a frozen embedding stay."""
        if self.running.isnan().any():
            super().calibrate(episodes)

    def _noise(self, noise) -> dict[str, Tensor]:
        """The task's, else the usual one, in the dtype of the weights."""
        noise = noise or {name: getattr(self, f"usual_{name}") for name in ("c", "z", "drawn")}
        dtype = self.generator.encoder[1].weight.dtype
        return {name: tensor.to(dtype) for name, tensor in noise.items()}
