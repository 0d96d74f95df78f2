"""The board in a browser, and a floor that changes behind it."""

from __future__ import annotations

import re
import time

from playwright.sync_api import BrowserContext, expect

from marhaba.kernel.messages import Ask, Reply
from tests.web.board.boards import agent, board, call, queue
from tests.web.board.floor import FloorThread
from tests.web.browser.centre import Pages
from tests.web.browser.conftest import new_page


def test_what_happens_on_the_floor_is_seen_at_once(
    administrator: BrowserContext, pages: Pages, floor: FloorThread
) -> None:
    floor.show()
    page = new_page(administrator)
    page.goto(f"{pages.address}/board")
    expect(page.get_by_text("En direct")).to_be_visible()
    amal = page.locator("[id='agents/amal']")
    expect(amal).to_contain_text("Prêt")
    floor.show(
        agents=[agent("amal", state="talking", since=time.time() - 65.0, call="c1", queue="accueil")],
        at=time.time(),
    )
    expect(amal).to_contain_text("En ligne")
    expect(amal.locator("time")).to_have_text(re.compile(r"^1:0[4-9]$"))
    expect(page.locator(".agents > li")).to_have_count(1)  # who is gone is gone
    floor.show(calls=[call("c9", caller="0611111111")])
    expect(page.locator(".calls tbody tr")).to_have_count(1)
    expect(page.locator(".calls tbody")).to_contain_text("0611111111")
    page.close()


def test_clocks_count_without_the_floor_saying_anything(
    administrator: BrowserContext, pages: Pages, floor: FloorThread
) -> None:
    floor.show(queues=[queue("accueil", waiting=1, since=time.time() - 10.0)], at=time.time())
    page = new_page(administrator)
    page.goto(f"{pages.address}/board")
    wait = page.locator("[id='queues/accueil'] time")
    expect(wait).to_have_text(re.compile(r"^0:1[0-9]$"))
    first = wait.inner_text()
    expect(wait).not_to_have_text(first)
    page.close()


def test_a_menu_that_is_open_stays_open_when_its_agent_changes(
    administrator: BrowserContext, pages: Pages, floor: FloorThread
) -> None:
    floor.show(agents=[agent("amal")])
    page = new_page(administrator)
    page.goto(f"{pages.address}/board")
    page.get_by_label("Agir sur Amal").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Déconnecter")).to_be_visible()
    floor.show(agents=[agent("amal", state="wrapup")])
    expect(page.locator("[id='agents/amal']")).to_contain_text("Traitement")
    expect(page.get_by_role("button", name="Déconnecter")).to_be_visible()
    expect(page.get_by_label("Agir sur Amal")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Déconnecter")).to_be_hidden()
    page.close()


def test_an_act_goes_to_the_floor_and_a_refusal_is_read(
    administrator: BrowserContext, pages: Pages, floor: FloorThread
) -> None:
    floor.show(agents=[agent("amal")])
    floor.floor.asked.clear()
    page = administrator.new_page()  # a refusal is a message in the console, too
    page.goto(f"{pages.address}/board")
    page.get_by_label("Agir sur Amal").click()
    with page.expect_response("**/pause") as answer:
        page.get_by_role("button", name="Pause : Déjeuner").click()
    assert answer.value.status == 204
    expect(page.get_by_role("button", name="Pause : Déjeuner")).to_be_hidden()
    assert floor.floor.asked == [Ask("pause", {"agent": "amal", "code": "lunch"})]
    floor.floor.reply = Reply(ok=False, code="ringing", message="a call is ringing")
    page.get_by_label("Agir sur Amal").click()
    page.get_by_role("button", name="Pause : Déjeuner").click()
    expect(page.locator(".toast")).to_have_text("Un appel sonne chez lui : attendez un instant.")
    floor.floor.reply = Reply(ok=True)
    page.close()


def test_the_wall_shows_the_hour_of_the_centre_and_large_figures(
    administrator: BrowserContext, pages: Pages, floor: FloorThread
) -> None:
    floor.show(**board(at=1_790_000_000.0))
    page = new_page(administrator)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{pages.address}/board/wall")
    expect(page.locator(".clock")).to_have_text("14:13")  # as in UTC, since Morocco gave up its summer hour
    size = page.locator(".figures dd").first.evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
    assert size > 100
    page.close()
