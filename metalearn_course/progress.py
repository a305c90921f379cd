"""Progress bars, in notebooks and terminals alike."""

from tqdm.auto import tqdm


def bar(iterable=None, show: bool = True, **options) -> tqdm:
    """tqdm's bar. TQDM_DISABLE=1 hides all of them, which an explicit disable=False would overrule."""
    return tqdm(iterable, **options) if show else tqdm(iterable, disable=True, **options)
