"""What a loader noticed, told in one line: nothing is left out in silence."""

from collections import defaultdict

SHOWN = 3  # examples


class Notes:
    """Kinds of things with the names of those that were met."""

    def __init__(self):
        self.names: dict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, name: str) -> None:
        self.names[kind].append(name)

    def line(self) -> str:
        """ ".txt files: 2 (a/x.txt, a/y.txt); links that lead nowhere: 1 (b/z.png)"; empty where there is nothing."""
        return "; ".join(f"{kind}: {len(names)} ({listed(names)})" for kind, names in sorted(self.names.items()))


def listed(names: list[str]) -> str:
    """The first few of them."""
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
