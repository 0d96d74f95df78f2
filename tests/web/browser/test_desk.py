"""The desk with real audio: what the agent says is measured at the caller, what the caller says in the browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.web.browser.conftest import CHROMIUM, PASSWORD, QUIET, new_page, picture
from tests.web.browser.house import CALLER_HZ, Caller, House, open_house

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
AMAL_HZ, BRAHIM_HZ, LAILA_HZ = 1_000.0, 700.0, 1_500.0
AWAY = "503 (Service Unavailable)"
"""What a page gets for its offer while the edge is being started again."""
LOUD_DB, QUIET_DB = -30.0, -45.0
SPEAKING = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
VOICE = """
(() => {
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: %f });
    const loud = new GainNode(context, { gain: 0.25 });
    const out = context.createMediaStreamDestination();
    tone.connect(loud).connect(out);
    tone.start();
    return out.stream;
  };
  let analyser = null, of = null;
  window.levelOf = async (hz) => {
    const stream = document.getElementById("heard").srcObject;
    if (!stream) return -120;
    if (of !== stream) {
      const context = new AudioContext();
      await context.resume();
      analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(stream).connect(analyser);
      of = stream;
      await new Promise((done) => setTimeout(done, 200));
    }
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    return levels[Math.round((hz * analyser.fftSize) / analyser.context.sampleRate)];
  };
})();
"""
"""A microphone that hums, and an ear."""


@pytest.fixture(scope="module")
def speaking() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *SPEAKING])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


def wait_for(what: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def speaker(browser: Browser, hz: float, locale: str = "fr-FR") -> BrowserContext:
    context = browser.new_context(locale=locale, viewport={"width": 1440, "height": 900})
    context.add_init_script(VOICE % hz)
    return context


@pytest.fixture(scope="module")
def laila(speaking: Browser, house: House) -> Iterator[Page]:
    """The administrator, who is the supervisor too."""
    page = new_page(speaker(speaking, LAILA_HZ), expected=AWAY)
    page.goto(house.pages.first)
    page.get_by_label("Votre nom").fill("Laila Haddad")
    page.get_by_label("Identifiant").fill("laila")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Entrer").click()
    page.wait_for_url("**/board")
    page.get_by_role("link", name="Poste", exact=True).click()
    page.get_by_label("Conseiller").select_option("laila")
    page.get_by_role("button", name="C’est moi").click()
    take_seat(page)
    yield page
    page.context.close()


def comes_in(browser: Browser, house: House, laila: Page, agent: str, hz: float) -> Page:
    chief = new_page(laila.context)
    chief.goto(f"{house.pages.address}/people/new")
    chief.get_by_label("Nom", exact=True).fill(agent.capitalize())
    chief.get_by_label("Identifiant").fill(agent)
    chief.get_by_label("Conseiller du plateau").fill(agent)
    chief.get_by_label("Conseiller", exact=True).check()
    chief.get_by_role("button", name="Enregistrer").click()
    chief.get_by_role("button", name="Faire un lien").click()
    link = chief.locator("code").inner_text()
    chief.close()
    page = new_page(speaker(browser, hz), expected=AWAY)
    page.goto(link)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Entrer").click()
    page.wait_for_url("**/desk/")
    return page


@pytest.fixture(scope="module")
def amal(speaking: Browser, house: House, laila: Page) -> Iterator[Page]:
    page = comes_in(speaking, house, laila, "amal", AMAL_HZ)
    picture(page, "desk-before")
    take_seat(page)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def brahim_s_page(speaking: Browser, house: House, laila: Page) -> Iterator[Page]:
    page = comes_in(speaking, house, laila, "brahim", BRAHIM_HZ)
    take_seat(page)
    yield page
    page.context.close()


@pytest.fixture
def brahim(brahim_s_page: Page) -> Iterator[Page]:
    """Afterwards he takes no calls that are meant for others."""
    yield brahim_s_page
    pauses(brahim_s_page)


def take_seat(page: Page) -> None:
    page.get_by_role("button", name="Prendre mon poste").click()
    expect(page.locator(".sound")).to_have_text("Son ouvert")
    expect(page.locator(".mine")).to_contain_text("Pause arrivée")


def hears(page: Page, hz: float) -> Callable[[], bool]:
    return lambda: bool(page.evaluate(f"levelOf({hz})") > LOUD_DB - 20)


def deaf(page: Page, hz: float) -> Callable[[], bool]:
    return lambda: bool(page.evaluate(f"levelOf({hz})") < LOUD_DB - 30)


def says(caller: Caller, hz: float) -> Callable[[], bool]:
    """The caller hears this tone."""
    return lambda: caller.level(hz) > LOUD_DB


def says_not(caller: Caller, hz: float) -> Callable[[], bool]:
    return lambda: caller.level(hz) < QUIET_DB


def ready(page: Page) -> None:
    expect(page.locator(".contact")).to_have_count(0)
    expect(page.locator(".mine")).not_to_have_attribute("data-state", "talking")
    state = page.locator(".mine").get_attribute("data-state")
    if state in ("paused", "wrapup"):
        page.locator(".mine [data-key=F2]").click()
    expect(page.locator(".mine")).to_have_attribute("data-state", "ready")


def pauses(page: Page) -> None:
    ready(page)
    page.locator(".mine summary").click()
    page.get_by_role("button", name="Pause café").click()
    expect(page.locator(".mine")).to_have_attribute("data-state", "paused")


def in_call(house: House, amal: Page) -> Caller:
    ready(amal)
    caller = house.street.call("0539000000")
    expect(amal.get_by_role("button", name="Répondre")).to_be_visible()
    assert amal.title().startswith("☎")
    amal.keyboard.press("F2")
    expect(amal.locator(".contact")).to_contain_text("En ligne")
    wait_for(says(caller, AMAL_HZ))
    wait_for(hears(amal, CALLER_HZ))
    return caller


def ends(caller: Caller, amal: Page) -> None:
    if not caller.over:
        caller.hang_up()
    expect(amal.locator(".contact")).to_have_count(0)


def test_one_hears_oneself_in_the_check(amal: Page) -> None:
    pauses(amal)
    expect(amal.locator("[data-check=net] span")).to_contain_text("bon")
    expect(amal.locator("[data-check=mic] span")).to_have_text("✓")
    picture(amal, "desk-check")
    amal.get_by_role("button", name="Écouter mon écho").click()
    wait_for(hears(amal, AMAL_HZ))
    wait_for(deaf(amal, AMAL_HZ))


def test_a_call_is_answered_held_and_taken_up_again(house: House, amal: Page) -> None:
    caller = in_call(house, amal)
    picture(amal, "desk-call")
    found = Axe().run(amal)
    assert found.violations_count == 0, found.generate_report()
    amal.keyboard.press("F4")
    expect(amal.locator(".contact")).to_contain_text("En garde")
    wait_for(says_not(caller, AMAL_HZ))
    wait_for(deaf(amal, CALLER_HZ))
    amal.keyboard.press("F4")
    wait_for(says(caller, AMAL_HZ))
    amal.get_by_role("button", name="Muet").click()
    wait_for(says_not(caller, AMAL_HZ))
    amal.keyboard.press("F7")
    wait_for(says(caller, AMAL_HZ))
    amal.keyboard.press("F9")
    wait_for(lambda: caller.over)
    expect(amal.locator(".mine")).to_contain_text("Traitement")


LEVELS = """async () => {
  const data = await (await fetch(document.querySelector("audio").src)).arrayBuffer();
  const sound = await new AudioContext().decodeAudioData(data);
  const level = (samples, hz) => {
    let [re, im] = [0, 0];
    samples.forEach((sample, at) => {
      const turn = (2 * Math.PI * hz * at) / sound.sampleRate;
      re += sample * Math.cos(turn);
      im += sample * Math.sin(turn);
    });
    return (2 * Math.hypot(re, im)) / samples.length;
  };
  const [left, right] = [sound.getChannelData(0), sound.getChannelData(1)];
  return [sound.duration, level(left, %f), level(right, %f), level(right, %f)];
}"""
"""Of the recording on the page: its seconds, the caller's tone at the left, the agent's and the caller's at the right."""


def test_a_call_is_found_with_its_story_and_its_sound(house: House, amal: Page, laila: Page) -> None:
    caller = in_call(house, amal)
    time.sleep(3.0)
    amal.keyboard.press("F9")
    wait_for(lambda: caller.over)
    page = new_page(laila.context)

    def listed() -> bool:
        page.goto(f"{house.pages.address}/calls/")
        return page.locator("table.calls tbody tr").first.locator(".outcome.answered").count() == 1

    wait_for(listed)
    page.locator("table.calls tbody a").first.click()
    expect(page.locator(".story")).to_contain_text("En ligne avec Amal Bennis")
    expect(page.locator(".facts")).to_contain_text("accueil")
    picture(page, "call-real")
    seconds, his, hers, echo = page.evaluate(LEVELS % (CALLER_HZ, AMAL_HZ, CALLER_HZ))
    assert 2.5 < seconds < 30.0
    assert (his > 0.1, hers > 0.02, echo < 0.01) == (True, True, True), (his, hers, echo)
    page.locator("audio").evaluate("sound => sound.play()")
    wait_for(lambda: page.locator("audio").evaluate("sound => sound.currentTime") > 0.5)
    page.goto(f"{house.pages.address}/audit?q=calls.listen")
    expect(page.locator("tbody")).to_contain_text("laila")
    page.close()


def test_what_is_typed_survives_a_reload_and_the_caller_too(house: House, amal: Page) -> None:
    caller = in_call(house, amal)
    amal.get_by_label("Votre note").fill("Rappeler jeudi : carte bloquée.")
    expect(amal.locator(".saved")).to_have_text("Enregistré")
    amal.reload()
    wait_for(says_not(caller, AMAL_HZ))
    began = time.monotonic()
    expect(amal.locator(".sound")).to_have_text("Son ouvert")
    wait_for(says(caller, AMAL_HZ))
    assert time.monotonic() - began < 10.0
    expect(amal.locator(".contact")).to_contain_text("En ligne")
    expect(amal.get_by_label("Votre note")).to_have_value("Rappeler jeudi : carte bloquée.")
    wait_for(hears(amal, CALLER_HZ))
    ends(caller, amal)
    amal.get_by_label("Résolu").check()
    amal.get_by_role("button", name="Classer l’appel").click()
    amal.get_by_role("button", name="Terminé, prêt").click()
    expect(amal.locator(".mine")).to_contain_text("Prêt")


def test_a_supervisor_whispers_and_only_the_agent_hears(house: House, amal: Page, laila: Page) -> None:
    caller = in_call(house, amal)
    board = new_page(laila.context)
    board.goto(f"{house.pages.address}/board")
    board.get_by_label("Agir sur Amal Bennis").click()
    board.get_by_role("button", name="Souffler").click()
    wait_for(hears(amal, LAILA_HZ))
    wait_for(hears(laila, CALLER_HZ))
    expect(amal.locator(".contact")).to_contain_text("un superviseur vous parle")
    assert says_not(caller, LAILA_HZ)()
    board.close()
    ends(caller, amal)
    wait_for(deaf(laila, CALLER_HZ))


def test_a_colleague_is_asked_and_takes_over(house: House, amal: Page, brahim: Page) -> None:
    pauses(brahim)
    caller = in_call(house, amal)
    ready(brahim)
    amal.keyboard.press("F8")
    amal.get_by_label("File, collègue ou numéro").fill("brahim")
    amal.get_by_role("button", name="Consulter d’abord").click()
    expect(brahim.locator(".contact")).to_contain_text("Amal Bennis vous consulte")
    brahim.get_by_role("button", name="Répondre").click()
    wait_for(hears(brahim, AMAL_HZ))
    wait_for(says_not(caller, AMAL_HZ))
    assert deaf(brahim, CALLER_HZ)()
    amal.get_by_role("button", name="Passer l’appel").click()
    wait_for(says(caller, BRAHIM_HZ))
    wait_for(hears(brahim, CALLER_HZ))
    wait_for(deaf(amal, CALLER_HZ))
    brahim.get_by_role("button", name="Raccrocher").click()
    wait_for(lambda: caller.over)
    expect(brahim.locator(".contact")).to_have_count(0)


def test_another_window_takes_the_seat_over(house: House, amal: Page) -> None:
    caller = in_call(house, amal)
    second = new_page(amal.context)
    second.goto(f"{house.pages.address}/desk/")
    second.get_by_role("button", name="Le reprendre ici").click()
    expect(second.locator(".sound")).to_have_text("Son ouvert")
    expect(amal.locator(".advice")).to_have_text("Votre poste est ouvert dans une autre fenêtre.")
    wait_for(says(caller, AMAL_HZ))
    amal.get_by_role("button", name="Le reprendre ici").click()
    expect(amal.locator(".sound")).to_have_text("Son ouvert")
    wait_for(says(caller, AMAL_HZ))
    second.close()
    time.sleep(1.0)
    assert says(caller, AMAL_HZ)()
    ends(caller, amal)


def test_the_floor_dies_in_mid_call_and_they_talk_on(house: House, amal: Page) -> None:
    caller = in_call(house, amal)
    house.kill("floor")
    time.sleep(3.0)
    assert says(caller, AMAL_HZ)()
    assert hears(amal, CALLER_HZ)()
    expect(amal.locator(".link")).to_have_text("En direct")
    amal.keyboard.press("F9")
    wait_for(lambda: caller.over)


def test_the_edge_dies_and_the_browser_comes_back_by_itself(house: House, amal: Page) -> None:
    caller = in_call(house, amal)
    house.kill("edge")
    wait_for(says_not(caller, AMAL_HZ))
    wait_for(says(caller, AMAL_HZ), 20.0)
    wait_for(hears(amal, CALLER_HZ))
    ends(caller, amal)


def test_who_does_not_come_back_gives_the_caller_to_the_queue(
    house: House, speaking: Browser, amal: Page, brahim: Page, tmp_path: Path
) -> None:
    pauses(brahim)
    caller = in_call(house, amal)
    address = amal.url
    amal.goto("about:blank")  # killed
    wait_for(says_not(caller, AMAL_HZ))
    brahim.keyboard.press("F2")
    expect(brahim.get_by_role("button", name="Répondre")).to_be_visible(timeout=40_000)
    brahim.keyboard.press("F2")
    wait_for(says(caller, BRAHIM_HZ))
    brahim.keyboard.press("F9")
    wait_for(lambda: caller.over)
    expect(brahim.locator(".contact")).to_have_count(0)
    amal.goto(address)
    expect(amal.locator(".sound")).to_have_text("Son ouvert")
    expect(amal.locator(".mine")).to_contain_text("Traitement")
