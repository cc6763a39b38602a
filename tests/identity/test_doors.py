"""The doors: sign-in, sessions, tokens, keys and pages, over HTTP."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from urllib.parse import quote

import pytest
from starlette.requests import Request

from roadworthy.foundation.errors import UnauthenticatedError
from roadworthy.identity import credential, operations, store
from roadworthy.identity.identify import Doorkeeper
from tests.identity.doors import Doors
from tests.identity.organization import NOW, PEPPER, Estate, person
from tests.identity.test_credential import HOSTILE

KEYS = "/v1/service-accounts/bot/keys"
GONE = "kind: Person\nmetadata: {name: ada, namespace: claims}\nspec: {display_name: A, disabled_on: %s}"


def csrf_of(page: str) -> str:
    """Return the token in a page's forms."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None, page[:2000]
    return found.group(1)


def test_a_link_opened_is_not_used_up(doors: Doors) -> None:
    """A preview may open it as often as it likes; the button signs in; the second press is refused."""
    link, browser = doors.estate.link(), doors.client(accept="text/html")
    for _ in range(3):
        page = browser.get(f"/sign-in/{link}")
        assert page.status_code == 200
        assert link in page.text
    answer = browser.post("/sign-in", data={"link": link})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "rw_session=rws_" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.get("/v1/me").json()["principal"] == "person/ada"
    again = doors.client(accept="text/html").post("/sign-in", data={"link": link})
    assert again.status_code == 401
    assert "It was used before." in again.text
    assert "set-cookie" not in again.headers


def test_the_sign_in_page_sends_on_inside_only(doors: Doors) -> None:
    """`next` cannot lead to another site."""
    for wanted, sent in (
        ("/access", "/access"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
    ):
        form = {"link": doors.estate.link(), "next": wanted}
        assert doors.client().post("/sign-in", data=form).headers["location"] == sent
    assert doors.client().get("/sign-in").status_code == 200
    assert doors.browser("ada").get("/sign-in", params={"next": "//evil.example"}).headers["location"] == "/"


def test_a_form_from_another_site_is_refused(doors: Doors) -> None:
    """By fetch metadata when signing in; by the session's token afterwards."""
    foreign = {"sec-fetch-site": "cross-site"}
    link = doors.estate.link()
    assert doors.client().post("/sign-in", data={"link": link}, headers=foreign).status_code == 403
    browser = doors.browser("ada")
    assert browser.post("/sign-out", data={}).status_code == 403
    assert browser.post("/sign-out", data={"csrf": "0" * 64}).status_code == 403
    other = csrf_of(doors.browser("bo").get("/access/people/bo").text)
    assert browser.post("/sign-out", data={"csrf": other}).status_code == 403


def test_signing_out_ends_the_session_on_the_server(doors: Doors) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    browser, copy = doors.browser("ada"), doors.client()
    copy.cookies.update(browser.cookies)
    csrf = csrf_of(browser.get("/access").text)
    assert copy.get("/v1/me").status_code == 200
    answer = browser.post("/sign-out", data={"csrf": csrf})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert copy.get("/v1/me").status_code == 401


def test_a_session_ends_idle_and_ends_for_good(doors: Doors) -> None:
    """Twelve hours unused, or seven days, whatever comes first; pages alone keep it alive."""
    idle, busy = doors.browser("ada"), doors.browser("bo")
    for _ in range(14):
        doors.clock.forward(timedelta(hours=11, minutes=59))
        assert busy.get("/v1/me").status_code == 200
    assert idle.get("/v1/me").status_code == 401
    doors.clock.now = NOW + credential.SESSION_LIFE
    assert busy.get("/v1/me").status_code == 401


def test_reading_does_not_write_and_changes_write_last_seen_seldom(doors: Doors) -> None:
    """The time of last use is written by a change, at most every ten minutes."""

    def last_seen() -> object:
        with doors.estate.database.read() as tx:
            (row,) = store.listing(tx, type_="session")
            return row.last_seen_at

    browser = doors.browser("ada")
    doors.clock.forward(timedelta(hours=1))
    browser.get("/v1/me")
    assert last_seen() == NOW
    browser.post("/v1/tokens", json={"name": "a"})
    assert last_seen() == NOW + timedelta(hours=1)
    doors.clock.forward(timedelta(minutes=9))
    browser.post("/v1/tokens", json={"name": "b"})
    assert last_seen() == NOW + timedelta(hours=1)


def test_the_command_line_signs_in_for_a_token(doors: Doors) -> None:
    """The link becomes a token once; the token says who one is; signing out ends it."""
    link = f"http://testserver/sign-in/{doors.estate.link()}"
    answer = doors.client().post("/v1/sign-in", json={"link": link, "as": "token", "name": "laptop"})
    assert answer.status_code == 200
    token = answer.json()["token"]
    client = doors.client(authorization=f"Bearer {token}")
    me = client.get("/v1/me").json()

    assert (me["principal"], me["credential"]["type"]) == ("person/ada", "token")
    assert [(one["role"], one["unit"]) for one in me["roles"]] == [("platform-engineer", "claims")]
    assert "key.issue" in me["permissions"]
    assert doors.client().post("/v1/sign-in", json={"link": link}).status_code == 401
    assert client.post("/v1/sign-out").status_code == 200
    assert client.get("/v1/me").status_code == 401


def test_a_link_pressed_twice_at_once_signs_in_once(doors: Doors) -> None:
    """Two requests in two threads: one token."""
    link = doors.estate.link()
    codes: list[int] = []
    gate = threading.Barrier(2)

    def press() -> None:
        client = doors.client()
        gate.wait()
        codes.append(client.post("/v1/sign-in", json={"link": link}).status_code)

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 401]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_credential_is_a_clean_refusal(estate: Estate, text: str) -> None:
    """As a token it is refused, as a cookie it is nobody's, as a link it signs nobody in."""
    keeper = Doorkeeper(pepper=PEPPER)

    def request(name: str, value: str) -> Request:
        raw = value.encode("utf-8", "surrogatepass")
        return Request({"type": "http", "headers": [(name.encode(), raw)]})

    with estate.database.write() as tx:
        with pytest.raises(UnauthenticatedError) as refused:
            keeper.identify(tx, request("authorization", f"Bearer {text}"), NOW)
        assert keeper.identify(tx, request("cookie", f"rw_session={text}"), NOW) is None
        with pytest.raises(UnauthenticatedError):
            operations.sign_in(tx, link=text, pepper=PEPPER, now=NOW)
    said = f"{refused.value.what} {refused.value.why} {refused.value.fix}"
    assert len(text) < 5 or text not in said


@pytest.mark.parametrize("text", [one for one in HOSTILE if "\ud800" not in one])
def test_a_hostile_link_over_http(doors: Doors, text: str) -> None:
    """No body of a sign-in and no address of a link makes the server fail."""
    sent = doors.client().post("/v1/sign-in", json={"link": text})
    form = doors.client(accept="text/html").post("/sign-in", data={"link": text})
    shown = doors.client(accept="text/html").get(f"/sign-in/{quote(text, safe='')}")

    assert sent.status_code == (422 if len(text) > 8192 else 401)
    assert form.status_code in {401, 422}
    assert shown.status_code in {200, 307, 404}
    assert text[:2000] not in shown.text or len(text) < 5


def test_a_gateway_key_does_not_open_the_api(doors: Doors) -> None:
    """Nor does a session in the place of a token, and the answer says what to send."""
    for secret in (doors.estate.key().secret, doors.estate.session()):
        answer = doors.client(authorization=f"Bearer {secret}").get("/v1/me")
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
        assert secret not in answer.text


def test_who_is_disabled_is_out_on_the_next_request(doors: Doors) -> None:
    """Session and token alike; enabled again, what has not expired holds again."""
    browser, program = doors.browser("ada"), doors.program("ada")
    assert (browser.get("/v1/me").status_code, program.get("/v1/me").status_code) == (200, 200)
    doors.estate.declare(GONE % "2026-11-24")
    assert (browser.get("/v1/me").status_code, program.get("/v1/me").status_code) == (200, 200)
    doors.clock.now = NOW.replace(day=24, hour=0, minute=0)
    assert (browser.get("/v1/me").status_code, program.get("/v1/me").status_code) == (401, 401)
    assert "disabled" in program.get("/v1/me").json()["why"]


def test_a_service_account_acts_by_a_token_until_it_ends(doors: Doors) -> None:
    """For builds that declare: issued by an administrator, refused when the account has expired."""
    body = {"name": "ci", "principal": "service-account/bot", "expires_on": "2027-02-28"}
    token = doors.program("root").post("/v1/tokens", json=body).json()["token"]
    client = doors.client(authorization=f"Bearer {token}")
    assert client.get("/v1/me").json()["principal"] == "service-account/bot"
    account = (
        "kind: ServiceAccount\nmetadata: {name: bot, namespace: claims}\n"
        "spec: {type: agent, owner: bo, purpose: P., expires_on: 2027-03-01, disabled: true}"
    )
    doors.estate.declare(account)
    assert client.get("/v1/me").status_code == 401
    doors.estate.declare(account.replace("disabled: true", "disabled: false"))
    assert client.get("/v1/me").status_code == 200
    doors.clock.now = NOW.replace(year=2027, month=2, day=28)
    assert client.get("/v1/me").status_code == 401


def test_a_token_made_with_a_token_does_not_outlive_it(doors: Doors) -> None:
    """What leaked for a month is not for ever."""
    client = doors.program("ada")
    made = client.post("/v1/tokens", json={"name": "second"})
    assert made.status_code == 201
    assert made.json()["expires_at"] == (NOW + credential.TOKEN_LIFE).isoformat()
    refused = client.post("/v1/tokens", json={"name": "third", "expires_on": "2027-06-01"})
    assert refused.status_code == 422
    assert {one["name"] for one in client.get("/v1/tokens").json()["items"]} == {"cli", "second"}
    assert client.get("/v1/tokens", params={"principal": "person/root"}).status_code == 403
    gone = client.delete(f"/v1/tokens/{made.json()['id']}")
    assert gone.json()["state"] == "revoked"
    assert doors.client(authorization=f"Bearer {made.json()['token']}").get("/v1/me").status_code == 401


def test_keys_over_the_api(doors: Doors) -> None:
    """Issued, rotated, listed without secret, revoked."""
    client = doors.program("ada")
    made = client.post(KEYS, json={"use_case": "triage-letters"})
    assert made.status_code == 201
    secret = made.json()["key"]
    doors.clock.forward(timedelta(seconds=1))
    second = client.post(f"{KEYS}/rotate", json={"use_case": "triage-letters", "overlap_hours": 0})
    assert second.status_code == 201
    doors.clock.forward(timedelta(seconds=1))
    third = client.post(f"{KEYS}/rotate", json={"use_case": "triage-letters", "overlap_hours": 24})
    assert third.status_code == 201
    listed = client.get(KEYS)
    assert [one["state"] for one in listed.json()["items"]] == ["expired", "valid", "valid"]
    assert secret not in listed.text
    assert credential.keyed_hash(secret, pepper=PEPPER) not in listed.text
    assert client.post(f"/v1/keys/{third.json()['id']}/revoke").json()["state"] == "revoked"
    assert doors.program("bo").post(KEYS, json={"use_case": "triage-letters"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", KEYS, {"use_case": "triage-letters", "principal": "person/root"}),
        ("POST", KEYS, {"use_case": "'; DROP TABLE credentials"}),
        ("POST", KEYS, {"use_case": "triage-letters", "expires_on": "9999-12-31"}),
        ("POST", KEYS, {"use_case": "triage-letters", "name": "\x00"}),
        ("POST", f"{KEYS}/rotate", {"use_case": "triage-letters", "overlap_hours": -1}),
        ("POST", "/v1/service-accounts/%00/keys", {"use_case": "triage-letters"}),
        ("GET", "/v1/service-accounts/%27%20OR%201=1/keys", None),
        ("POST", "/v1/keys/%00%00%00%00%00%00%00%00/revoke", None),
        ("DELETE", "/v1/tokens/..%2F..%2Fx", None),
        ("POST", "/v1/tokens", {"name": "x", "principal": "system/setup"}),
        ("POST", "/v1/tokens", {"name": "x" * 121}),
        ("POST", "/v1/sign-in-links", {"person": "person/ada"}),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    doors: Doors, method: str, path: str, body: dict[str, object] | None
) -> None:
    """Each is a client's error with a reason."""
    client = doors.program("root")
    before = len(doors.estate.log())
    answer = client.request(method, path, json=body)

    assert answer.status_code in {404, 422}, answer.text
    assert len(doors.estate.log()) == before


def test_an_answer_with_a_secret_is_not_kept_for_retries(doors: Doors) -> None:
    """An Idempotency-Key would put the secret to rest in a table: it is refused before anything happens."""
    client = doors.program("root")
    for path, body in (
        (KEYS, {"use_case": "triage-letters"}),
        (f"{KEYS}/rotate", {"use_case": "triage-letters"}),
        ("/v1/tokens", {"name": "x"}),
        ("/v1/sign-in-links", {"person": "ada"}),
        ("/v1/sign-in", {"link": doors.estate.link()}),
    ):
        before = len(doors.estate.log())
        answer = client.post(path, json=body, headers={"idempotency-key": "once"})
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["title"]
        assert len(doors.estate.log()) == before


def test_a_link_made_over_the_api_signs_in(doors: Doors) -> None:
    """An administrator makes it; the log says who vouched; others may not."""
    made = doors.program("root").post("/v1/sign-in-links", json={"person": "bo"})
    assert made.status_code == 201
    link = made.json()["link"]
    assert link.startswith("http://testserver/sign-in/rwl_")
    assert doors.client().post("/v1/sign-in", json={"link": link}).json()["principal"] == "person/bo"
    issued = next(one for one in doors.estate.log() if one["object"].startswith("api-token/"))
    assert issued["content"]["vouched_by"] == "person/root"
    assert doors.program("ada").post("/v1/sign-in-links", json={"person": "bo"}).status_code == 403
    assert doors.program("cy").post("/v1/sign-in-links", json={"person": "root"}).status_code == 403


def test_the_access_pages_have_twins_without_secrets(doors: Doors) -> None:
    """Page, JSON and CSV of every tab agree on their rows, and none shows a secret or a hash."""
    issued, browser = doors.estate.key(), doors.browser("root")
    hash_ = credential.keyed_hash(issued.secret, pepper=PEPPER)
    for path, column, expected in (
        ("/access", "person", {"person/ada", "person/bo", "person/cy", "person/root"}),
        ("/access/service-accounts", "service_account", {"service-account/bot"}),
        ("/access/keys", "id", {issued.credential.id}),
        ("/access/role-bindings", "role_binding", {"ada-engineer", "bo-contributor", "cy-admin", "root"}),
        ("/access/people/ada", "id", set()),
        ("/access/service-accounts/bot", "id", {issued.credential.id}),
    ):
        page, as_json, as_csv = (browser.get(path + twin) for twin in ("", ".json", ".csv"))
        assert [one.status_code for one in (page, as_json, as_csv)] == [200] * 3, path
        rows = as_json.json()["rows"]
        assert {row[column] for row in rows} == expected
        assert as_csv.text.count("\r\n") == len(rows) + 1
        for text in (page.text, as_json.text, as_csv.text):
            assert issued.secret[-43:] not in text
            assert hash_ not in text
        assert all(one in page.text for one in expected)
    assert doors.client(accept="text/html").get("/access").headers["location"] == "/sign-in?next=/access"


def test_a_key_is_shown_once_in_the_console(doors: Doors) -> None:
    """Issue, rotate and revoke by the forms of the account's page, each with its command."""
    browser = doors.browser("ada")
    address = "/access/service-accounts/bot"
    page = browser.get(address).text
    assert "roadworthy key issue service-account/bot --use-case triage-letters" in page
    csrf = csrf_of(page)
    shown = browser.post(f"{address}/keys", data={"csrf": csrf, "use_case": "triage-letters"})
    (secret,) = set(re.findall(r"rwk_[0-9a-z]{8}_[A-Za-z0-9_-]{43}", shown.text))
    page = browser.get(address).text
    assert secret not in page
    assert "roadworthy key rotate service-account/bot" in page
    doors.clock.forward(timedelta(seconds=1))
    form = {"csrf": csrf, "use_case": "triage-letters", "act": "rotate", "overlap_hours": "1"}
    assert browser.post(f"{address}/keys", data=form).status_code == 200
    assert f"roadworthy key revoke {secret[4:12]}" in browser.get(address).text
    done = browser.post(f"{address}/keys/revoke", data={"csrf": csrf, "key": secret[4:12], "reason": "test"})
    assert (done.status_code, done.headers["location"]) == (303, address)
    assert "revoked" in browser.get(address).text
    assert doors.browser("bo").get(address).text.count("Issue key") == 0


def test_the_console_makes_a_sign_in_link(doors: Doors) -> None:
    """An administrator sees the button, others do not."""
    browser = doors.browser("root")
    page = browser.get("/access/people/ada").text
    shown = browser.post("/access/people/ada/sign-in-link", data={"csrf": csrf_of(page)})
    (code,) = set(re.findall(r"rwl_[0-9a-z]{8}_[A-Za-z0-9_-]{43}", shown.text))
    assert doors.client().post("/sign-in", data={"link": code}).status_code == 303
    assert "Make a sign-in link" not in doors.browser("bo").get("/access/people/ada").text


def test_the_page_of_a_link_survives_somebody_signed_in(doors: Doors) -> None:
    """Somebody signed in as one person can use a link of another: the form carries their token."""
    browser = doors.browser("ada")
    link = doors.estate.link("bo", actor=person("root"))
    csrf = csrf_of(browser.get(f"/sign-in/{link}").text)
    assert browser.post("/sign-in", data={"csrf": csrf, "link": link}).status_code == 303
