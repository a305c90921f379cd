"""`metalearn train LEARNER`: meta-train a learner, and leave it in the folder of a run."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch

from metalearn_course import nets, training
from metalearn_course.cli.options import Drawing, Machine, Pictures, Whole, fitting_query, sampler_of
from metalearn_course.cli.runs import checkpoint
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.datasets import ImageClasses
from metalearn_course.datasets.augment import Augment
from metalearn_course.learners import LEARNERS, Learner, load_learner
from metalearn_course.training import ranks

SHORT = {"MatchingNet": "matching"}  # names of learners on the command line that are not the class's own
ALIASES = {"learn_scale": "--fixed-scale"}
BY_NAME = {SHORT.get(name, name.lower()): learner for name, learner in LEARNERS.items()}
OURS = ("net", "n_way", "n_classes")  # keywords of learners that the command line fills in by itself
OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def number(text: str) -> float:
    """A count of groups as a whole number, or a share of them."""
    return int(text) if text.isdecimal() else float(text)


Share = Annotated[float, number]


@dataclass(kw_only=True)
class Options(Machine, Drawing, Pictures):
    """What the training of every learner takes.

    n_way: classes per task in training
    k_shot: support pictures per class in training
    n_query: query pictures per class (default: the learner's usual number, or what the smallest class has left)
    test_way: classes per task in validation (default: as in training)
    test_shot: support pictures per class in validation (default: as in training)
    rotations: train on every class in four orientations
    reflections: train on every class in four orientations, each in the mirror too
    warp: size of the random affine warps of training pictures, such as 0.1
    colours: size of the random changes of colour of training pictures, such as 0.2
    official: the dataset's official split (Omniglot)
    split: groups of classes for training, validation and test: three counts, or three shares of 1
    split_seed: seed of the random split by class
    validation: train without validation, on its classes too; then the last learner counts, not the best
    downsample: how Conv4 halves pictures
    init: start from the net of this run or ledger entry
    n_steps: meta-steps
    n_tasks: tasks per meta-step
    optimizer: outer optimiser
    lr: outer learning rate
    decay: last share of the steps, over which lr falls to 0
    warm_up: first steps, or first share of them, over which lr rises
    clip: largest norm of the meta-gradient (default: any)
    validate_every: steps between validations
    seed: seed of weights and tasks
    out: folder of the run (default: runs/DATASET-LEARNER-…)
    precision: of the forward and backward pass
    """

    n_way: int = 5
    k_shot: int = 1
    n_query: int | None = None
    test_way: int | None = None
    test_shot: int | None = None
    rotations: bool = False
    reflections: bool = False
    warp: float = 0.0
    colours: float = 0.0
    official: bool = False
    split: tuple[Share, Share, Share] | None = None
    split_seed: Whole = 0
    validation: bool = True
    downsample: Literal["stride", "max"] = "stride"
    init: str | None = None
    n_steps: int = 2000
    n_tasks: int = 16
    optimizer: Literal["adam", "sgd"] = "adam"
    lr: float = 1e-3
    decay: float = 0.3
    warm_up: float = 0.0
    clip: float | None = None
    validate_every: int = 500
    seed: Whole = 0
    out: str | None = None
    precision: Annotated[str, training.PRECISIONS] = "float32"

    @property
    def test_episode(self) -> tuple[int, int]:
        """Classes per task and support pictures per class in validation."""
        return self.test_way or self.n_way, self.test_shot or self.k_shot

    def parts(self, images: ImageClasses) -> tuple[ImageClasses, ImageClasses]:
        """Training and validation classes."""
        train, validation, _ = images.split(self.split_seed, self.split, official=self.official)
        if not self.validation:
            wanted = {*train.groups, *validation.groups}
            train = images.select([c for c, group in enumerate(images.groups) if group in wanted])
        turned = self.rotations or self.reflections
        return train.with_rotations(self.reflections) if turned else train, validation

    @property
    def augment(self) -> Augment | None:
        """How training pictures are varied; None where they stay as they are."""
        return Augment(self.warp, self.colours) if self.warp or self.colours else None


def add_options(parser) -> None:
    """A learner is a command of its own, since its options and defaults are."""
    learners = parser.add_subparsers(required=True, metavar="LEARNER", dest="learner")
    for name, learner in BY_NAME.items():
        what = (learner.__doc__ or name).splitlines()[0]
        command = learners.add_parser(name, help=what, description=what)
        add_keywords(command, Options, defaults={**learner.train_defaults, "n_query": None})
        add_keywords(command.add_argument_group(f"options of {learner.__name__}"), learner, OURS, ALIASES)


def run(args) -> None:
    """Train, and say where the learner lies and how it does on validation classes."""
    options = made(Options, args)
    options.use()
    with ranks.process_group(options.device):
        _train(options, args)


def _train(options: Options, args) -> None:
    images = options.load()
    train, validation = options.parts(images)
    learner = _learner(options, args, train)
    sampler, validate = _samplers(options, args.learner, train, validation)
    n_way, k_shot = options.test_episode
    out = options.out or f"runs/{images.name}-{args.learner}-{n_way}w{k_shot}s"
    history = training.fit(
        learner,
        sampler,
        options.n_steps,
        n_tasks=options.n_tasks,
        lr=options.lr,
        decay=options.decay,
        warm_up=options.warm_up,
        clip=options.clip,
        optimizer=OPTIMIZERS[options.optimizer],
        validate=validate,
        validate_every=options.validate_every,
        seed=options.seed,
        out=out,
        device=options.device,
        precision=options.precision,
        notes=_notes(options, args.typed),
    )
    if ranks.rank() == 0:
        scores = [f"validation {100 * a:.2f} % ± {100 * ci95:.2f}" for _, a, ci95 in history.validation[-1:]]
        print(", ".join([f"{out}: step {len(history.losses)}", *scores, f"{history.seconds:.0f} s"]))


def _samplers(options: Options, name: str, train: ImageClasses, validation: ImageClasses):
    """Of training and of validation episodes; None for validation where none was asked for."""
    how, (n_way, k_shot), n_query = options.given(), options.test_episode, options.n_query
    if n_query is None:
        n_query = fitting_query(train, options.k_shot, usual_query(name))
    shape = options.n_way, options.k_shot, n_query
    sampler = sampler_of("training", train, *shape, augment=options.augment, **how)
    if not options.validation or (options.split and options.split[1] == 0):
        return sampler, None
    n_query = fitting_query(validation, k_shot, 15)
    try:
        return sampler, sampler_of("validation", validation, n_way, k_shot, n_query, **how)
    except ValueError as error:
        raise ValueError(f"{error}; --split gives it more, --no-validation trains without") from error


def usual_query(name: str) -> int:
    """Query pictures per class in the training of a learner, if nothing else is asked for."""
    return BY_NAME[name].train_defaults.get("n_query", 5)


def _learner(options: Options, args, train: ImageClasses) -> Learner:
    """The learner that was asked for, with the weights that its seed or --init says."""
    torch.manual_seed(options.seed)
    channels, size = train.images.shape[1], train.images.shape[-1]
    net = nets.Conv4(channels, size, downsample=options.downsample)
    learner = made(BY_NAME[args.learner], args, net=net, n_classes=len(train))
    if options.init:
        _start_from(learner, options.init)
    return learner


def _start_from(learner: Learner, name: str) -> None:
    """Take over the net of another run, and the memory of what it has seen."""
    other, _ = load_learner(checkpoint(name))
    if other.net.config != learner.net.config:
        raise ValueError(f"--init {name}: its net is {other.net.config}, this one {learner.net.config}")
    learner.start_from(other)
    learner.trained_on = other.trained_on


def _notes(options: Options, typed: str) -> dict:
    """What `evaluate` needs to know of the pictures and of their split, and the ledger of the command."""
    notes = dict(
        command=typed,
        dataset=options.dataset,
        split_seed=options.split_seed,
        official=options.official,
        init=options.init,
        test_episode=list(options.test_episode),
    )
    more = dict(sizes=options.split, invert=options.invert, depth=options.depth, at_least=options.at_least)
    return notes | {name: value for name, value in more.items() if value is not None}
