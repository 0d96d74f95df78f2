"""Coming in: the first link, invitations, passwords, a second factor, a passkey."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.web.browser.centre import Pages
from tests.web.browser.conftest import PASSWORD, new_page


def test_the_first_link_makes_the_administrator_once(
    administrator: BrowserContext, browser: Browser, pages: Pages
) -> None:
    page = new_page(administrator)
    page.goto(f"{pages.address}/people")
    expect(page.get_by_role("heading", name="Équipe")).to_be_visible()
    expect(page.get_by_role("row", name="Salma Idrissi")).to_contain_text("Administrateur")
    stranger = browser.new_context(locale="fr-FR").new_page()
    stranger.goto(pages.first)
    expect(stranger.get_by_role("heading")).to_have_text("Ce lien n’est plus valable")
    stranger.context.close()


def test_somebody_is_added_invited_and_comes_in(
    administrator: BrowserContext, browser: Browser, pages: Pages
) -> None:
    page = new_page(administrator)
    page.goto(f"{pages.address}/people")
    page.get_by_role("link", name="Ajouter").click()
    page.get_by_label("Nom", exact=True).fill("Amal Bennani")
    page.get_by_label("Identifiant").fill("amal")
    page.get_by_label("Conseiller", exact=True).check()
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_role("button", name="Faire un lien").click()
    link = page.locator("code").inner_text()
    assert link.startswith(f"{pages.address}/welcome/")

    context = browser.new_context(locale="fr-FR")
    hers = new_page(context)
    hers.goto(link)
    expect(hers.get_by_text("Bonjour Amal Bennani")).to_be_visible()
    hers.get_by_label("Mot de passe").fill("amal")
    hers.get_by_role("button", name="Entrer").click()
    expect(hers.locator(".error")).not_to_have_count(0)  # too short, and too like her name
    hers.get_by_label("Mot de passe").fill(PASSWORD)
    hers.get_by_role("button", name="Entrer").click()
    hers.wait_for_url(f"{pages.address}/desk/")
    refused = hers.request.get(f"{pages.address}/people")
    assert refused.status == 403
    context.close()


def test_who_goes_out_comes_in_again_with_his_password(
    browser: Browser, pages: Pages, administrator: object
) -> None:
    context = browser.new_context(locale="fr-FR")
    page = new_page(context)
    page.goto(pages.address)
    page.get_by_role("textbox").first.fill("salma")
    page.get_by_label("Mot de passe").fill("wrong password")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, pages, "salma")
    page.wait_for_url(f"{pages.address}/board")
    page.get_by_text("Salma Idrissi").first.click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    page.goto(f"{pages.address}/people")
    page.wait_for_url(re.compile("/accounts/login/"))
    context.close()


def test_a_second_factor_is_asked_for_once_it_is_there(
    browser: Browser, pages: Pages, administrator: BrowserContext
) -> None:
    add_person(administrator, pages, "Brahim Alaoui", "brahim")
    context = browser.new_context(locale="fr-FR")
    page = come_in(context, pages, "brahim")
    page.get_by_role("link", name="Second facteur").click()
    page.get_by_role("link", name="Activer").click()
    say_it_is_me(page)
    secret = page.get_by_label("secret").input_value()
    page.get_by_label("Code").fill(totp(secret, time.time()))
    page.get_by_role("button", name="Activer").click()
    expect(page.get_by_role("heading", name=re.compile("[Cc]odes de récupération"))).to_be_visible()
    context.close()

    context = browser.new_context(locale="fr-FR")
    page = new_page(context)
    sign_in(page, pages, "brahim")
    page.get_by_label("Code").fill("000000")
    page.locator("main form button").first.click()
    expect(page.locator(".error")).to_be_visible()
    page.get_by_label("Code").fill(totp(secret, time.time() + 30.0))  # the one before has been used
    page.locator("main form button").first.click()
    page.wait_for_url(f"{pages.address}/desk/")
    context.close()


def test_a_passkey_opens_the_door(browser: Browser, pages: Pages, administrator: BrowserContext) -> None:
    add_person(administrator, pages, "Chaimae Tazi", "chaimae")
    context = browser.new_context(locale="fr-FR")
    page = come_in(context, pages, "chaimae")
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.get_by_role("link", name="Second facteur").click()
    page.get_by_role("link", name="Ajouter").click()
    say_it_is_me(page)
    page.locator("#id_name").fill("Mon téléphone")
    page.locator("#id_passwordless").check()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url(re.compile("recovery-codes|webauthn/$"))
    page.get_by_text("Chaimae Tazi").first.click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.get_by_role("button", name="Avec une clé d’accès").click()
    page.wait_for_url(f"{pages.address}/desk/")
    context.close()


AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def add_person(administrator: BrowserContext, pages: Pages, name: str, username: str) -> None:
    page = new_page(administrator)
    page.goto(f"{pages.address}/people/new")
    page.get_by_label("Nom", exact=True).fill(name)
    page.get_by_label("Identifiant").fill(username)
    page.get_by_label("Conseiller", exact=True).check()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.close()


def come_in(context: BrowserContext, pages: Pages, username: str) -> Page:
    page = new_page(context)
    page.goto(pages.link(username))
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Entrer").click()
    page.wait_for_url(f"{pages.address}/desk/")
    page.goto(f"{pages.address}/account")
    return page


def sign_in(page: Page, pages: Pages, username: str) -> None:
    page.goto(pages.address)
    page.get_by_role("textbox").first.fill(username)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def say_it_is_me(page: Page) -> None:
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Confirmer").click()


def totp(secret: str, now: float) -> str:
    """RFC 6238: six digits, thirty seconds."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(now) // 30), "sha1")
    begin = digest[-1] & 15
    return f"{(int.from_bytes(digest[begin : begin + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


def test_the_record_of_it_all_is_whole(administrator: BrowserContext, pages: Pages) -> None:
    page = new_page(administrator)
    page.goto(f"{pages.address}/audit")
    page.get_by_role("link", name="Vérifier la chaîne").click()
    expect(page.get_by_role("status")).to_contain_text("entière")
    assert "entier" in pages.audit() or "whole" in pages.audit()
