"""Digest, both sides: the RFCs' worked examples, then every way of not being believed."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.sip import digest_memory
from marhaba.sip.digest import (
    VALUE_CHARS_MAX,
    Authenticator,
    BadDigest,
    Verdict,
    authorize,
    ha1,
    parse_challenge,
    parse_credentials,
)
from marhaba.sip.events import User

REALM = "marhaba"
URI = "sip:0539000000@centre.example"
AMINA = User("amina", {name: ha1("amina", REALM, "s3cret", name) for name in ("SHA-256", "MD5")})
OLD_PHONE = User("old", {"MD5": ha1("old", REALM, "s3cret", "MD5")})
BY_NAME = {"amina": AMINA, "old": OLD_PHONE}


def tokens() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"token{next(numbers)}"


def server(users: dict[str, User] | None = None) -> Authenticator:
    return Authenticator(REALM, tokens(), nonce_age_s=300, users=BY_NAME if users is None else users)


def answer(
    challenges: list[str],
    *,
    user: str = "amina",
    password: str = "s3cret",
    method: str = "REGISTER",
    uri: str = URI,
    nc: int = 1,
    body: bytes = b"",
) -> list[str]:
    value = authorize(
        challenges, method=method, uri=uri, user=user, password=password, cnonce="abc", nc=nc, body=body
    )
    return [value]


def parameter(value: str, name: str) -> str:
    found = re.search(rf'{name}="?([^",]*)', value)
    assert found is not None
    return found[1]


def hashed(text: str, algorithm: str = "md5") -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


# -- the client --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_worked_example_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    value = authorize(
        [
            (
                f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
                'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
                'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
            )
        ],
        method="GET",
        uri="/dir/index.html",
        user="Mufasa",
        password="Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert value == (
        'Digest username="Mufasa", realm="http-auth@example.org", '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", '
        f'response="{response}", algorithm={algorithm}, opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", '
        'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, nc=00000001'
    )


def test_worked_example_of_rfc_2617_section_3_5() -> None:
    value = authorize(
        [
            (
                'Digest realm="testrealm@host.com", qop="auth,auth-int", '
                'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
            )
        ],
        method="GET",
        uri="/dir/index.html",
        user="Mufasa",
        password="Circle Of Life",
        cnonce="0a4f113b",
    )
    assert parameter(value, "response") == "6629fae49393a05397450978507c4ef1"


def test_a_carrier_without_qop_gets_the_old_form() -> None:
    [value] = answer([f'Digest realm="{REALM}",nonce="n1"'])
    secret = hashed("amina:marhaba:s3cret")
    assert parameter(value, "response") == hashed(f"{secret}:n1:{hashed(f'REGISTER:{URI}')}")
    assert "qop" not in value
    assert "cnonce" not in value


def test_session_variant_hashes_nonce_and_cnonce_into_the_secret() -> None:
    [value] = answer([f'Digest realm="{REALM}",nonce="n1",algorithm=MD5-sess,qop="auth"'], nc=10)
    secret = hashed(f"{hashed('amina:marhaba:s3cret')}:n1:abc")
    assert parameter(value, "response") == hashed(
        f"{secret}:n1:0000000a:abc:auth:{hashed(f'REGISTER:{URI}')}"
    )
    assert parameter(value, "algorithm") == "MD5-sess"
    [old] = answer([f'Digest realm="{REALM}",nonce="n1",algorithm=MD5-sess'])
    assert parameter(old, "cnonce") == "abc"


def test_auth_int_covers_the_body_when_nothing_else_is_offered() -> None:
    [value] = answer([f'Digest realm="{REALM}",nonce="n1",qop="auth-int",algorithm=SHA-512-256'], body=b"v=0")
    secret = hashed("amina:marhaba:s3cret", "sha512_256")
    what = hashed(f"REGISTER:{URI}:{hashed('v=0', 'sha512_256')}", "sha512_256")
    expected = hashed(f"{secret}:n1:00000001:abc:auth-int:{what}", "sha512_256")
    assert parameter(value, "response") == expected


def test_strongest_algorithm_wins_whatever_the_order() -> None:
    offers = [
        f'Digest realm="{REALM}",nonce="1",algorithm=MD5',
        f'Digest realm="{REALM}",nonce="2",algorithm=WHIRLPOOL',
        f'Digest realm="{REALM}",nonce="3",algorithm=SHA-256',
    ]
    for order in itertools.permutations(offers):
        [value] = answer(list(order))
        assert parameter(value, "nonce") == "3"


def test_credentials_are_not_made_for_a_foreign_realm() -> None:
    offers = ['Digest realm="evil",nonce="1",algorithm=SHA-256', 'Digest realm="carrier",nonce="2"']
    value = authorize(offers, method="INVITE", uri=URI, user="u", password="p", cnonce="c", realm="carrier")
    assert parameter(value, "realm") == "carrier"
    with pytest.raises(BadDigest):
        authorize(offers[:1], method="INVITE", uri=URI, user="u", password="p", cnonce="c", realm="carrier")


def test_without_a_configured_realm_the_first_one_counts() -> None:
    offers = [
        "Basic x",
        'Digest realm="first",nonce="1"',
        'Digest realm="second",nonce="2",algorithm=SHA-256',
    ]
    [value] = answer(offers)
    assert parameter(value, "realm") == "first"


@pytest.mark.parametrize(
    "challenges",
    [
        [],
        ["Basic realm=x"],
        ['Digest realm="r"'],
        ['Digest nonce="n"'],
        ['Digest realm="r",nonce=""'],
        ['Digest realm="r",nonce="n",algorithm=SHA-1'],
        ['Digest realm="r",nonce="n",qop="auth-conf"'],
    ],
)
def test_challenges_that_cannot_be_met(challenges: list[str]) -> None:
    with pytest.raises(BadDigest):
        answer(challenges)


@pytest.mark.parametrize("user", ['a"b', "a\\b", "a\r\nb"])
def test_a_user_name_cannot_break_out_of_its_quotes(user: str) -> None:
    with pytest.raises(BadDigest):
        answer([f'Digest realm="{REALM}",nonce="n"'], user=user)


def test_stale_is_read_from_a_challenge() -> None:
    assert parse_challenge('Digest realm="r",nonce="n",stale=TRUE').stale
    assert not parse_challenge('Digest realm="r",nonce="n",stale=false').stale


def test_ha1_of_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(BadDigest):
        ha1("u", "r", "p", "SHA-1")


# -- reading -----------------------------------------------------------------------------------------------------

GOOD = (
    'Digest username="amina", realm="marhaba", nonce="n", uri="sip:x", response="' + "0" * 32 + '", '
    'algorithm=md5, cnonce="c", qop=auth, nc=0000000A'
)


def test_credentials_are_read_with_quotes_or_without_and_with_escapes_kept() -> None:
    read = parse_credentials(GOOD.replace("qop=auth", 'qop="auth"').replace("amina", 'am\\"ina'))
    assert (read.username, read.algorithm, read.qop, read.nc) == ('am\\"ina', "MD5", "auth", "0000000A")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Basic dXNlcjpwYXNz",
        GOOD.replace("Digest", "NotDigest"),
        GOOD.replace('username="amina", ', ""),
        GOOD + ', qop="auth"',
        GOOD.replace("0000000A", "00000000"),
        GOOD.replace("0000000A", "A"),
        GOOD.replace("0000000A", "0000000٣"),
        GOOD.replace('cnonce="c", ', ""),
        GOOD.replace('nonce="n"', 'nonce="n'),
        GOOD.replace('"n"', '"n\r\n"'),
        GOOD.replace("0" * 32, "é" * 32),
        GOOD.replace("0" * 32, "0" * 31),
        GOOD.replace("amina", "a" * 129),
        GOOD + "," + "x" * VALUE_CHARS_MAX,
        GOOD + ", =",
    ],
)
def test_garbled_credentials_are_refused_by_name(value: str) -> None:
    with pytest.raises(BadDigest):
        parse_credentials(value)


@given(st.binary(max_size=300))
def test_only_the_declared_error_escapes_a_reader(data: bytes) -> None:
    text = "Digest " + data.decode("utf-8", "surrogateescape")
    for read in (parse_challenge, parse_credentials):
        with contextlib.suppress(BadDigest):
            read(text)


@given(st.binary(max_size=40))
def test_nothing_in_a_field_breaks_the_server(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape").replace('"', "").replace("\\", "")
    guard = server()
    [value] = answer(guard.challenge(0.0)[:1])
    for name in ("username", "uri", "cnonce", "nonce", "response"):
        garbled = value.replace(f'{name}="{parameter(value, name)}"', f'{name}="{text}"')
        assert guard.check(0.0, "REGISTER", URI, [garbled]).user == ""


# -- the server --------------------------------------------------------------------------------------------------


def test_challenges_come_strongest_first_with_one_nonce() -> None:
    challenges = server().challenge(10.0)
    assert [parameter(value, "algorithm") for value in challenges] == ["SHA-256", "MD5"]
    assert len({parameter(value, "nonce") for value in challenges}) == 1
    assert all(value.endswith('qop="auth"') for value in challenges)
    assert all(value.endswith("stale=true") for value in server().challenge(10.0, stale=True))


def test_only_algorithms_somebody_has_are_offered_and_an_empty_centre_offers_the_usual() -> None:
    guard = server({"old": OLD_PHONE})
    assert [parameter(value, "algorithm") for value in guard.challenge(0.0)] == ["MD5"]
    assert [parameter(v, "algorithm") for v in server({}).challenge(0.0)] == ["SHA-256", "MD5"]
    assert guard.users == {"old": OLD_PHONE}
    guard.users = {"x": User("x", {"SHA-512-256": ha1("x", REALM, "p", "SHA-512-256")})}
    [value] = answer(guard.challenge(0.0), user="x", password="p")
    assert guard.check(0.0, "REGISTER", URI, [value]) == Verdict("x")


def test_right_password_is_believed_in_either_algorithm() -> None:
    guard = server()
    strong, weak = guard.challenge(0.0)
    assert guard.check(1.0, "REGISTER", URI, answer([strong])) == Verdict("amina")
    assert guard.check(1.0, "REGISTER", URI, answer([weak], nc=2)) == Verdict("amina")
    assert guard.check(1.0, "REGISTER", URI, answer([weak], user="old", nc=3)) == Verdict("old")


def test_an_algorithm_the_user_has_no_secret_for_is_not_believed() -> None:
    guard = server()
    assert guard.check(1.0, "REGISTER", URI, answer(guard.challenge(0.0), user="old")) == Verdict("")


@pytest.mark.parametrize(
    ("method", "uri", "user", "password"),
    [
        ("REGISTER", URI, "amina", "wrong"),
        ("REGISTER", URI, "nobody", "s3cret"),
        ("INVITE", URI, "amina", "s3cret"),
        ("REGISTER", "sip:0600000000@centre.example", "amina", "s3cret"),
    ],
)
def test_anything_else_is_refused_in_the_same_words(method: str, uri: str, user: str, password: str) -> None:
    guard = server()
    given = answer(guard.challenge(0.0), user=user, password=password, method=method, uri=uri)
    assert guard.check(0.0, "REGISTER", URI, given) == Verdict("", stale=False)
    assert guard.statistics()["digest_refused"] == 1


def test_a_user_who_does_not_exist_costs_the_same_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    real = hashlib.sha256

    def counting(data: bytes) -> object:
        counted.append("hash")
        return real(data)

    guard = server()
    challenges = guard.challenge(0.0)
    costs = []
    for user, password in (("amina", "wrong"), ("nobody", "wrong")):
        given = answer(challenges, user=user, password=password)
        counted.clear()
        monkeypatch.setattr(hashlib, "sha256", counting)
        guard.check(0.0, "REGISTER", URI, given)
        monkeypatch.undo()
        costs.append(len(counted))
    assert costs[0] == costs[1] == 2


def test_the_fake_secret_of_one_server_is_no_password_at_another() -> None:
    first, second = server(), Authenticator(REALM, lambda: "other", nonce_age_s=300, users=BY_NAME)
    assert first._fake != second._fake


@pytest.mark.parametrize(
    ("made_for", "used_for", "believed"),
    [
        ("sip:centre.example:5060;transport=udp", "sip:10.0.0.1", True),
        ("sip:%2B212@a", "sip:+212@b:5070", True),
        ("sip:0539:pw@a", "sip:0539@a", True),
        ("sip:a%00@x", "sip:a@x", False),
        ("tel:+212539", "tel:+212539;phone-context=x", True),
        ("tel:+212539", "tel:+212600", False),
        ("sip:0539@a", "sip:a", False),
    ],
)
def test_the_user_part_of_the_uri_must_be_the_one_signed(
    made_for: str, used_for: str, believed: bool
) -> None:
    guard = server()
    given = answer(guard.challenge(0.0), uri=made_for)
    assert guard.check(0.0, "REGISTER", used_for, given).user == ("amina" if believed else "")


def test_a_uri_that_differs_is_no_failed_password() -> None:
    guard = server()
    for nc in range(1, 8):
        guard.check(0.0, "REGISTER", "sip:b@x", answer(guard.challenge(0.0), uri="sip:a@x", nc=nc))
    assert guard.check(0.0, "REGISTER", URI, answer(guard.challenge(0.0))) == Verdict("amina")


def test_no_credentials_foreign_ones_and_unusable_ones_are_asked_again() -> None:
    guard = server()
    [good] = answer(guard.challenge(0.0))
    foreign = good.replace('realm="marhaba"', 'realm="elsewhere"')
    without_qop = re.sub(r", cnonce=.*", "", good)
    assert guard.check(0.0, "REGISTER", URI, []) == Verdict("")
    assert guard.check(0.0, "REGISTER", URI, ["garbage"]) == Verdict("")
    assert guard.check(0.0, "REGISTER", URI, [foreign]) == Verdict("")
    assert guard.check(0.0, "REGISTER", URI, [without_qop]) == Verdict("")
    assert guard.check(0.0, "REGISTER", URI, [good.replace("SHA-256", "SHA-512-256")]) == Verdict("")
    assert guard.check(0.0, "REGISTER", URI, ["garbage", foreign, good]) == Verdict("amina")


def test_the_fifth_authorization_header_is_not_looked_at() -> None:
    guard = server()
    [good] = answer(guard.challenge(0.0))
    assert guard.check(0.0, "REGISTER", URI, ["x"] * 4 + [good]) == Verdict("")


def test_auth_int_is_verified_against_the_body() -> None:
    guard = server()
    offers = [value.replace('qop="auth"', 'qop="auth-int"') for value in guard.challenge(0.0)]
    given = answer(offers, body=b"v=0")
    assert guard.check(0.0, "REGISTER", URI, given, b"v=1") == Verdict("")
    assert guard.check(0.0, "REGISTER", URI, given, b"v=0") == Verdict("amina")


# -- nonces ------------------------------------------------------------------------------------------------------


def test_an_old_nonce_is_stale_whatever_the_password() -> None:
    guard = server()
    challenges = guard.challenge(0.0)
    assert guard.check(300.0, "REGISTER", URI, answer(challenges)) == Verdict("amina")
    for password in ("s3cret", "wrong"):
        given = answer(challenges, password=password, nc=2)
        assert guard.check(300.1, "REGISTER", URI, given) == Verdict("", stale=True)
    assert guard.statistics()["digest_refused"] == 0


def test_a_nonce_we_did_not_make_is_stale() -> None:
    guard, before_restart = server(), Authenticator(REALM, lambda: "k", nonce_age_s=300, users=BY_NAME)
    given = answer(before_restart.challenge(0.0))
    assert guard.check(0.0, "REGISTER", URI, given) == Verdict("", stale=True)
    [good] = answer(guard.challenge(5.0))
    nonce = parameter(good, "nonce")
    for forged in (f"f{nonce}", nonce.replace("token", "t0ken"), nonce[:-1] + "g", "", "a.b.c"):
        assert guard.check(5.0, "REGISTER", URI, [good.replace(nonce, forged)]) == Verdict("", stale=True)


def test_a_nonce_given_to_one_address_is_good_there_alone() -> None:
    guard = server()
    given = answer(guard.challenge(0.0, source="10.0.0.1"))
    assert guard.check(0.0, "REGISTER", URI, given, source="10.0.0.2") == Verdict("", stale=True)
    assert guard.check(0.0, "REGISTER", URI, given, source="10.0.0.1") == Verdict("amina")
    free = answer(guard.challenge(0.0))
    assert guard.check(0.0, "REGISTER", URI, free, source="10.0.0.9") == Verdict("amina")


def test_a_count_is_good_once_and_late_ones_within_the_window_still_are() -> None:
    guard = server()
    challenges = guard.challenge(0.0)

    def use(nc: int) -> Verdict:
        return guard.check(0.0, "REGISTER", URI, answer(challenges, nc=nc))

    used, believed = Verdict("", stale=True), Verdict("amina")
    order = [(1, believed), (1, used), (3, believed), (2, believed), (2, used), (3, used)]
    order += [(100, believed), (37, believed), (36, used), (37, used), (0xFFFFFFFF, believed)]
    order += [(0xFFFFFFFF - 63, believed), (0xFFFFFFFF - 64, used), (101, used)]
    assert [use(nc) for nc, _ in order] == [verdict for _, verdict in order]


def test_wrong_passwords_use_up_neither_counts_nor_memory() -> None:
    guard = server()
    challenges = guard.challenge(0.0)
    guard.check(0.0, "REGISTER", URI, answer(challenges, password="wrong"))
    assert guard.statistics()["digest_nonces"] == 0
    assert guard.check(0.0, "REGISTER", URI, answer(challenges)) == Verdict("amina")


def test_nonce_memory_is_bounded_and_what_was_forgotten_is_not_believed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digest_memory, "NONCES_MAX", 3)
    guard = server()
    unused = guard.challenge(0.0)
    given = [answer(guard.challenge(float(at))) for at in range(1, 6)]
    for value in given:
        assert guard.check(5.0, "REGISTER", URI, value) == Verdict("amina")
    assert guard.statistics()["digest_nonces"] == 3
    assert [guard.check(5.0, "REGISTER", URI, value) for value in given] == [Verdict("", stale=True)] * 5
    # One never used but as old as one forgotten cannot be told from it: it is asked for again, not refused.
    assert guard.check(5.0, "REGISTER", URI, answer(unused)) == Verdict("", stale=True)


def test_expired_nonces_leave_the_memory() -> None:
    guard = server()
    for at in range(10):
        guard.check(float(at), "REGISTER", URI, answer(guard.challenge(float(at))))
    for at in range(5):
        guard.check(1000.0, "REGISTER", URI, answer(guard.challenge(1000.0), nc=at + 1))
    assert guard.statistics()["digest_nonces"] == 5
    assert guard.statistics()["digest_accepted"] == 15


# -- guessing ----------------------------------------------------------------------------------------------------


def attempt(
    guard: Authenticator, now: float, password: str, *, user: str = "amina", source: str = "1.2.3.4"
) -> str:
    given = answer(guard.challenge(now, source=source), user=user, password=password)
    return guard.check(now, "REGISTER", URI, given, source=source).user


def test_after_five_failures_even_the_right_password_waits() -> None:
    guard = server()
    for _ in range(5):
        assert attempt(guard, 100.0, "wrong") == ""
    assert attempt(guard, 101.9, "s3cret") == ""
    assert guard.statistics()["digest_backed_off"] == 1
    assert attempt(guard, 101.9, "s3cret", source="1.2.3.5") == "amina"
    assert attempt(guard, 102.0, "s3cret") == "amina"
    assert guard.statistics()["digest_failing"] == 0


def test_the_wait_doubles_up_to_a_minute() -> None:
    guard = server()
    now = 0.0
    for _ in range(4):
        attempt(guard, now, "wrong")
    waits = []
    for _ in range(8):
        attempt(guard, now, "wrong")
        wait = next(s for s in range(100) if not guard._failures.waiting(now + s, "amina", "1.2.3.4"))
        waits.append(wait)
        now += wait
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_guess_during_the_wait_does_not_prolong_it() -> None:
    guard = server()
    for _ in range(5):
        attempt(guard, 0.0, "wrong")
    for tenth in range(1, 20):
        attempt(guard, tenth / 10, "wrong")
    assert attempt(guard, 2.0, "s3cret") == "amina"


def test_unknown_users_are_made_to_wait_alike() -> None:
    guard = server()
    for _ in range(6):
        attempt(guard, 0.0, "wrong", user="nobody")
    assert guard.statistics()["digest_backed_off"] == 1


def test_failures_are_forgotten_after_a_quiet_time() -> None:
    guard = server()
    for _ in range(4):
        attempt(guard, 0.0, "wrong")
    attempt(guard, 901.0, "wrong")
    assert attempt(guard, 901.0, "s3cret") == "amina"


def test_failure_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_memory, "FAILURES_MAX", 10)
    guard = server()
    for number in range(25):
        attempt(guard, 0.0, "wrong", user=f"user{number}")
    assert guard.statistics()["digest_failing"] == 10
