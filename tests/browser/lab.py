"""What a reader does in JupyterLab, in words for tests."""

import time
from collections.abc import Callable
from pathlib import Path

NOTEBOOK = "window.jupyterapp.shell.currentWidget"
DIGEST = """async picture => {
  const bytes = await (await fetch(picture.src)).arrayBuffer();
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))).join(" ");
}"""


class Lab:
    """One notebook in one page."""

    def __init__(self, page, server: str, token: str, folder: Path, screenshots: Path):
        self.page, self.server, self.token = page, server, token
        self.folder, self.screenshots = folder, screenshots
        page.set_default_timeout(300_000)  # a machine with other work is slow; one that hangs is still found out

    def open(self, name: str) -> None:
        """Open a notebook and wait until its kernel answers."""
        self.page.goto(f"{self.server}/lab/tree/{name}?token={self.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait_idle()

    def run_all(self, seconds: int = 900) -> None:
        """Run > Run All Cells; wait for the last cell. An error in a cell that may not raise is a failure."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        until(lambda: self._finished(), seconds, "all cells run")
        self.wait_idle()

    def _finished(self) -> bool:
        """Whether every cell was run. From the document, since a page keeps only what is in sight."""
        notebook = self.page.evaluate(f"{NOTEBOOK}.content.model.toJSON()")
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
        for cell in code:
            if "raises-exception" not in cell["metadata"].get("tags", []):
                errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
                assert not errors, f"{errors[0]['ename']}: {errors[0]['evalue']} in\n{''.join(cell['source'])}"
        return all(cell["execution_count"] for cell in code)

    def wait_idle(self, seconds: int = 300) -> None:
        """Wait until the kernel has nothing to do."""
        status = f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status"
        until(lambda: self.page.evaluate(status) == "idle", seconds, "the kernel idle")

    def shut_down(self) -> None:
        """End the notebook's kernel: the next lesson needs the memory."""
        self.page.evaluate(f"{NOTEBOOK}?.sessionContext?.shutdown?.()")

    def widget(self, holding: str = "p[role=status]"):
        """The first output that holds a view of the course."""
        output = self.page.locator(".jp-OutputArea-output", has=self.page.locator(holding)).first
        output.scroll_into_view_if_needed()
        return output

    def shoot(self, widget, name: str) -> None:
        """Screenshots of a widget in the light and in the dark theme."""
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            # The command's promise resolves when the theme's style sheet is there.
            self.page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
            self.page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
            self.page.wait_for_selector("#jupyterlab-splash", state="detached")
            widget.screenshot(path=self.screenshots / f"{name}-{theme.split()[1].lower()}.png")


def shown(widget) -> tuple[str, str]:
    """A digest of the picture that a widget shows, and what it says."""
    return widget.locator("img.widget-image").evaluate(DIGEST), widget.locator("p[role=status]").inner_text()


def wait_for_change(widget, before: tuple[str, str], seconds: int = 300) -> tuple[str, str]:
    """Wait until both picture and words are others than before; returns them."""
    until(lambda: all(a != b for a, b in zip(shown(widget), before)), seconds, "another picture and other words")
    return shown(widget)


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask again and again; AssertionError when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(0.1)
