"""A JupyterLab server on a copy of the lessons, and the system's Chromium to open them with.

Without Chromium or Playwright these tests skip; with METALEARN_BROWSER=required they fail instead.
METALEARN_SCREENSHOTS=folder keeps the screenshots.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from lab import Lab

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHED_OFF = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")
FLAGS = ["--no-sandbox", "--no-first-run", "--no-proxy-server", *(f"--disable-{what}" for what in SWITCHED_OFF)]
QUIET = {"notification": '{"fetchNews": "false", "checkForUpdates": false}'}  # JupyterLab's own questions
TOKEN = "lessons"  # the server listens on this machine alone, for as long as the tests run


def unavailable(reason: str):
    """Skip, or fail where somebody counts on these tests."""
    if os.environ.get("METALEARN_BROWSER") == "required":
        pytest.fail(f"METALEARN_BROWSER=required, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """A started browser."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        unavailable(f"there is no {' or '.join(BROWSERS)}; on Debian: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable('Playwright is not installed: pip install -e ".[test]"')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """The lessons, not yet run, in a folder of their own, so that nothing is saved into the tree."""
    folder = tmp_path_factory.mktemp("notebooks")
    shutil.copytree(NOTEBOOKS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    for path in folder.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    return folder


@pytest.fixture(scope="session")
def server(folder, chromium, tmp_path_factory):
    """The address of a JupyterLab server with settings of its own, in the fast profile."""
    home = tmp_path_factory.mktemp("jupyter")
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, text in QUIET.items():
        (settings / f"{name}.jupyterlab-settings").write_text(text, encoding="utf-8")
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    folders |= {f"JUPYTERLAB_{kind}_DIR": str(home / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")}
    options = {"METALEARN_PROFILE": "fast", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    log = home / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env=os.environ | folders | options | {"IPYTHONDIR": str(home / "ipython")},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield wait_for(home / "runtime", process, log)
        finally:
            process.terminate()  # the server then ends its kernels
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(runtime: Path, process: subprocess.Popen, log: Path, seconds: int = 600) -> str:
    """The address at which the server answers: it takes a free port itself, and writes down which."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        try:
            said = json.loads((runtime / f"jpserver-{process.pid}.json").read_text(encoding="utf-8"))
            address = f"http://127.0.0.1:{said['port']}"
            direct.open(f"{address}/api/status?token={TOKEN}", timeout=5).close()
            return address
        except (OSError, json.JSONDecodeError):  # not there, half written, or not yet answering
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory) -> Path:
    """Where the screenshots go."""
    wanted = os.environ.get("METALEARN_SCREENSHOTS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def lab(chromium, server, folder, screenshots):
    """A fresh page of JupyterLab."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    lab = Lab(context.new_page(), server, TOKEN, folder, screenshots)
    yield lab
    lab.shut_down()
    context.close()
