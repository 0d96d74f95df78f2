"""The demo as people open it: the printed link, the board in a browser, a call, and a pause that reaches a real floor."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browser.centre import free_port
from tests.web.browser.conftest import PASSWORD, new_page

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
def link(tmp_path: Path) -> Iterator[str]:
    """The demo centre on ports of its own; what it prints for its administrator."""
    text = resources.files("marhaba.centre").joinpath("sample.toml").read_text("utf-8")
    for old, new in (
        ("0.0.0.0:5060", f"127.0.0.1:{free_port()}"),
        ("127.0.0.1:8080", f"127.0.0.1:{free_port()}"),
        ("first_port = 20000", "first_port = 42000"),
        ("ports_per_worker = 1000", "ports_per_worker = 200"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "centre.toml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "marhaba", "demo", "--folder", str(tmp_path), "--no-board"]
    with subprocess.Popen([*command, "--calls-per-minute", "60"], stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            yield next(line.strip() for line in demo.stdout if "/welcome/" in line)
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)


def test_the_printed_link_leads_to_a_floor_that_lives(link: str, browser: Browser) -> None:
    context = browser.new_context(locale="fr-FR")
    page = new_page(context)
    page.goto(link)
    page.get_by_label("Votre nom").fill("Salma Idrissi")
    page.get_by_label("Identifiant").fill("salma")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Entrer").click()
    page.wait_for_url("**/board")
    expect(page.locator(".agents > li")).to_have_count(13)
    expect(page.locator(".calls tbody tr").filter(has_text="En ligne").first).to_be_visible(timeout=60_000)
    khadija = page.locator("[id='agents/khadija']")
    expect(khadija).to_contain_text(re.compile("Prêt|Traitement"), timeout=60_000)
    page.get_by_label("Agir sur Khadija Mansouri").click()
    page.get_by_role("button", name="Pause : Formation").click()
    expect(khadija).to_contain_text("Pause (training)", timeout=60_000)
    page.goto(page.url.replace("/board", "/audit"))
    expect(page.locator("tbody tr").first).to_contain_text("board.pause")
    expect(page.locator("tbody tr").first).to_contain_text("khadija")
    context.close()
