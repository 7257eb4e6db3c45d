"""A page printed to PDF by a Chromium that is there anyway."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from ...storage.files import write_atomically

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 180
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    # The page needs no network, and gets none.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)


def find_browser() -> str | None:
    """The first Chromium, or Chrome, among the programs that a shell would find."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def print_page(page: Path, pdf: Path, seconds: float = _SECONDS) -> str | None:
    """Print an HTML file as PDF, atomically.

    Returns:
        None, or why there is no PDF, in a few words.
    """
    browser = find_browser()
    if browser is None:
        return f"no browser to print with; expected one of {', '.join(BROWSERS)}"
    with tempfile.TemporaryDirectory(prefix="jaxpix-print-", ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "page.pdf"
        command = [browser, *_FLAGS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # As root, in containers, Chromium refuses to start with its sandbox.
            command.append("--no-sandbox")
        problem = _run([*command, page.resolve().as_uri()], seconds)
        if problem is None and not made.is_file():
            problem = "it wrote nothing"
        if problem is not None:
            return f"{Path(browser).name} printed no PDF: {problem}"
        write_atomically(pdf, made.read_bytes())
    return None


def _run(command: list[str], seconds: float) -> str | None:
    """Run a browser with all its processes; what went wrong, or None."""
    try:
        browser = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return str(error)
    try:
        _, told = browser.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.communicate()
        return f"it took longer than {seconds:g} seconds"
    if browser.returncode == 0:
        return None
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {browser.returncode}"
