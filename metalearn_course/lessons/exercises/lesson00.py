"""The exercise of lesson 00, to learn how exercises work."""

from metalearn_course.lessons.checks import Exercise


def pictures_in_an_episode(n_way: int, k_shot: int, n_query: int) -> int:
    """How many pictures a task has, support and query together."""
    return n_way * (k_shot + n_query)


EXERCISES = [
    Exercise(
        pictures_in_an_episode,
        lambda: [(5, 1, 15), (20, 5, 1)],
        "every class brings k_shot pictures to learn from and n_query to be judged on.",
    ),
]
