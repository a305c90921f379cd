"""The lessons of the course: what each asks, what it needs, and whether it is here yet."""

from typing import NamedTuple


class Lesson(NamedTuple):
    """One lesson; `needs` names the lessons to read before it, `column` is its place on the map."""

    number: str
    title: str
    family: str
    column: int
    needs: tuple[str, ...] = ()
    file: str = ""  # in notebooks/; none for a lesson that is planned
    short_path: bool = False  # on the way through the course in two hours


FAMILIES = ("Foundations", "Optimisation", "Memory and metric", "Generative", "Applications")

LESSONS = (
    Lesson("00", "start\nhere", "Foundations", 0, (), "00_start_here.ipynb", True),
    Lesson("01", "tasks and\nepisodes", "Foundations", 1, ("00",), "01_tasks_and_episodes.ipynb", True),
    Lesson("02", "the MAML\nobjective", "Foundations", 2, ("01",), "02_the_maml_objective.ipynb", True),
    Lesson("03", "MAML on\nsine waves", "Optimisation", 2, ("02",), "03_maml_on_sine_waves.ipynb", True),
    Lesson("04", "MAML on\nimages", "Optimisation", 3, ("03",), "04_maml_on_images.ipynb", True),
    Lesson("04b", "the\nclinic", "Optimisation", 4, ("04",), "04b_the_clinic.ipynb"),
    Lesson("05", "Reptile and\nfirst order", "Optimisation", 5, ("04",), "05_reptile_and_first_order.ipynb"),
    Lesson("06", "Matching\nNetworks", "Memory and metric", 1, ("01",), "06_matching_networks.ipynb"),
    Lesson("07", "Prototypical\nNetworks", "Memory and metric", 2, ("06",), "07_prototypical_networks.ipynb"),
    Lesson("08", "generating\ndata: VILM", "Generative", 2, ("07",), "08_generating_data.ipynb"),
    Lesson("09", "Bayesian:\nABML", "Generative", 3, ("04",), "09_amortised_bayesian.ipynb"),
    Lesson("10", "which learner\nwhen", "Applications", 0),
    Lesson("11", "your own\npictures", "Applications", 1, ("07",), "11_own_pictures.ipynb"),
    Lesson("12", "zero-\nshot", "Applications", 2),
    Lesson("13", "domain\nadaptation", "Applications", 3),
    Lesson("14", "continual\nlearning", "Applications", 4),
    Lesson("15", "making\nit fast", "Applications", 5),
    Lesson("16", "in\ncontext", "Memory and metric", 3, ("06",), "16_in_context.ipynb"),
)
