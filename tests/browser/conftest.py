"""A real browser for the tests of the page: Debian's Chromium."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="module")
def chromium():
    """A browser for a file of tests; as long as its driver runs, no other test of this process can use asyncio."""
    program = shutil.which("chromium")
    if not program:
        pytest.fail("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as driver:
        sandboxed = [] if os.geteuid() else ["--no-sandbox"]  # root has none
        running = driver.chromium.launch(executable_path=program, args=sandboxed)
        yield running
        running.close()


@pytest.fixture
def visit(chromium):
    """Opens a page as it is; at the end nothing may have gone wrong in it, or been asked of the network."""
    wrong, contexts = [], []

    def opened(path, address="", **how):
        contexts.append(chromium.new_context(**how))
        page = contexts[-1].new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
        page.goto(f"{path.as_uri()}{address}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
