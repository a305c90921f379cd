"""Progress bars, in notebooks and terminals alike."""

import os

from tqdm.auto import tqdm


def bar(iterable=None, show: bool = True, **options) -> tqdm:
    """tqdm's bar. TQDM_DISABLE=1 hides all of them; tqdm's own notebook bar would not listen to it."""
    hidden = not show or os.environ.get("TQDM_DISABLE", "") not in ("", "0")
    return tqdm(iterable, disable=hidden, **options)
