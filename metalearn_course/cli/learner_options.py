"""The options of `train` that belong to one learner, and its defaults for those that all have.

The options of a learner are the keywords of its class; `build` hands them over.
"""

import inspect

from metalearn_course import learners

COMMON = dict(n_way=5, k_shot=1, test_shot=None, n_query=5, n_tasks=16, optimizer="adam", lr=1e-3, decay=0.3)
REPTILE = dict(k_shot=10, test_shot=1, n_query=1, n_tasks=5, optimizer="sgd", lr=1.0, decay=1.0)
WIDE = dict(n_way=30, n_tasks=1, decay=0.7)  # more classes than the test has, in one task a step
DEFAULTS = {
    "maml": COMMON | dict(learner=learners.MAML, help="MAML and FOMAML (Finn et al. 2017)"),
    "anil": COMMON | dict(learner=learners.ANIL, help="ANIL: the inner loop adapts the head (Raghu et al. 2020)"),
    "abml": COMMON | dict(learner=learners.ABML, help="ABML, a Bayesian MAML (Ravi & Beatson 2019)"),
    "reptile": COMMON | REPTILE | dict(learner=learners.Reptile, help="Reptile (Nichol et al. 2018)"),
    "matching": COMMON
    | dict(learner=learners.MatchingNet, help="Matching Networks (Vinyals et al. 2016)", n_tasks=4, decay=0.7),
    "protonet": COMMON | WIDE | dict(learner=learners.ProtoNet, help="Prototypical Networks (Snell et al. 2017)"),
    "pretrained": COMMON
    | WIDE
    | dict(learner=learners.Pretrained, help="the baseline of Chen et al. 2019: a classifier", n_way=64, n_query=1),
    "vilm": COMMON
    | dict(learner=learners.VILM, help="VILM: an autoencoder draws training pictures (start it from a trained net)")
    | dict(n_way=20, n_tasks=1),
}


def build(args, net, **more) -> learners.Learner:
    """The learner that the command line asks for."""
    learner = DEFAULTS[args.learner]["learner"]
    given = vars(args) | more
    return learner(net, **{key: given[key] for key in _keywords(learner) if key in given})


def _keywords(learner: type) -> set[str]:
    """The options of a class; where it hands on **others, those of its base too."""
    parameters = inspect.signature(learner).parameters
    handed_on = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {*parameters} | (_keywords(learner.__base__) if handed_on else set())


def maml(command) -> None:
    _inner(command, lr=0.4, steps=1)
    command.add_argument("--first-order", action="store_true", help="FOMAML: drop the second derivatives")
    command.add_argument("--lr-per-parameter", action="store_true", help="learn one inner rate a tensor")
    command.add_argument("--lr-per-step", action="store_true", help="learn one inner rate a step")
    command.add_argument("--head", choices=["linear", "prototypes"], default="linear")
    _norm(command, "query", "support")


def abml(command) -> None:
    _inner(command, lr=0.4, steps=1)
    command.add_argument("--lr-per-parameter", action="store_true", help="learn one inner rate a tensor")
    command.add_argument("--inner-kl", type=float, default=1e-5, help="weight of the KL in the inner loss")
    command.add_argument("--kl-weight", type=float, default=1e-5, help="weight of the KL in the outer loss")
    command.add_argument("--prior-weight", type=float, default=1e-6, help="weight of the hyper-prior, times kl-weight")
    command.add_argument("--init-log-var", type=float, default=-7.0, help="logarithm of the first variances")
    command.add_argument("--test-samples", type=int, default=10, help="draws of the weights in a prediction")
    _norm(command, "query", "support")


def reptile(command) -> None:
    _inner(command, lr=1e-3, steps=5, test_steps=50)
    command.add_argument("--inner-batch", type=int, default=10, help="support pictures an inner step")
    command.add_argument("--inner-optimizer", choices=["adam", "sgd"], default="adam", help="Adam has beta1 = 0")
    _norm(command, "query", "support")


def matching(command) -> None:
    command.add_argument("--fce", action="store_true", help="full context embeddings")
    command.add_argument("--steps", type=int, default=5, help="steps of the queries' attention LSTM (with --fce)")
    _scale(command)
    command.add_argument("--fixed-scale", dest="learn_scale", action="store_false", help="do not learn the scale")
    _norm(command, "running", "support", "query")


def protonet(command) -> None:
    command.add_argument("--distance", choices=["euclidean", "cosine"], default="euclidean", help="euclidean: squared")
    _scale(command)
    _norm(command, "running", "support", "query")


def pretrained(command) -> None:
    command.add_argument("--head", choices=["linear", "cosine"], default="cosine")
    _scale(command)
    command.add_argument("--head-steps", type=int, default=100, help="gradient steps that fit a head at test time")
    command.add_argument("--head-lr", type=float, default=1.0, help="their rate")
    command.add_argument("--weight-decay", type=float, default=1e-3, help="on the head at test time")
    command.add_argument("--tune-steps", type=int, default=0, help="gradient steps that then move net and head")
    command.add_argument("--tune-lr", type=float, default=0.01, help="their rate")


def vilm(command) -> None:
    pretrained(command)
    command.add_argument("--m", type=int, default=5, help="generated pictures a class")
    command.add_argument("--weight", type=float, default=0.2, help="of a generated picture, where a real one has 1")
    command.add_argument("--temperature", type=float, default=1.0, help="deviation of z in generated pictures")
    command.add_argument("--class-temperature", type=float, default=0.0, help="that of c, times q's; 0: its mean")
    command.add_argument("--query-weight", type=float, default=10.0, help="of the query loss; 0: the ELBO alone")
    command.add_argument("--train-steps", type=int, default=10, help="gradient steps that fit a head in training")
    command.add_argument("--c-size", type=int, default=64, help="numbers that describe a class")
    command.add_argument("--z-size", type=int, default=8, help="numbers that tell pictures of a class apart")
    command.add_argument("--hidden", type=int, default=384, help="width of the autoencoder")
    _norm(command, "running", "support", "query")


ADD = {
    "maml": maml,
    "anil": maml,
    "abml": abml,
    "reptile": reptile,
    "matching": matching,
    "protonet": protonet,
    "pretrained": pretrained,
    "vilm": vilm,
}


def _inner(command, lr: float, steps: int, test_steps: int | None = None) -> None:
    more = "" if test_steps else " (default: as in training)"
    command.add_argument("--inner-lr", type=float, default=lr, help="inner learning rate, on the mean support loss")
    command.add_argument("--inner-steps", type=int, default=steps, help="inner steps in training")
    command.add_argument("--test-steps", type=int, default=test_steps, help=f"inner steps at test time{more}")


def _scale(command) -> None:
    command.add_argument("--scale", type=float, default=10.0, help="first value of the factor on cosines")


def _norm(command, default: str, *others: str) -> None:
    command.add_argument("--norm", choices=[default, *others], default=default, help="what normalises queries")
