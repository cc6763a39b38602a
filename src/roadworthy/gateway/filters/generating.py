"""Pure: texts with known contents, made from a seed: what recognisers are measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from roadworthy.gateway.filters import check_digits as check

Make = Callable[[Random], str]


def _digits(random: Random, count: int) -> str:
    return "".join(str(random.randrange(10)) for _ in range(count))


def _until(make: Make, fits: Callable[[bytes], bool]) -> Make:
    """Return what makes candidates until one has the right check digits: independent of how they are made."""

    def made(random: Random) -> str:
        while True:
            text = make(random)
            if fits(text.encode()):
                return text

    return made


def _day(random: Random) -> tuple[str, str, str]:
    return f"{random.randint(1, 28):02}", f"{random.randint(1, 12):02}", f"{random.randint(40, 99):02}"


def _card(random: Random) -> str:
    prefix = random.choice(("4", "51", "55", "2221", "2720", "37", "34", "6011", "65"))
    size = 15 if prefix in {"37", "34"} else 16
    bare = prefix + _digits(random, size - len(prefix))
    separator = random.choice(("", " ", "-"))
    groups = (4, 6, 5) if size == 15 else (4, 4, 4, 4)
    parts, at = [], 0
    for group in groups:
        parts.append(bare[at : at + group])
        at += group
    return separator.join(parts)


def _iban(random: Random) -> str:
    country, form = random.choice(
        (
            ("DE", "n18"),
            ("FR", "n10a11n2"),
            ("GB", "c4n14"),
            ("NL", "c4n10"),
            ("ES", "n20"),
            ("CH", "n17"),
            ("NO", "n11"),
            ("BE", "n12"),
        )
    )
    body, at = "", 0
    while at < len(form):
        kind = form[at]
        size = ""
        at += 1
        while at < len(form) and form[at].isdigit():
            size += form[at]
            at += 1
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        signs = {"n": "0123456789", "c": letters, "a": "0123456789" + letters}[kind]
        body += "".join(random.choice(signs) for _ in range(int(size)))
    number = int("".join(str(int(sign, 36)) for sign in body + country + "00"))
    text = f"{country}{98 - number % 97:02}{body}"
    if random.random() < 0.5:
        text = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    return text


def _letters(random: Random, count: int) -> str:
    return "".join(random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(count))


def _token(random: Random, count: int) -> str:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(random.choice(signs) for _ in range(count))


def _nir(random: Random) -> str:
    bare = f"{random.choice('12')}{_digits(random, 2)}{random.randint(1, 12):02}{random.randint(1, 95):02}{_digits(random, 6)}"
    key = f"{97 - int(bare) % 97:02}"
    spaced = f"{bare[0]} {bare[1:3]} {bare[3:5]} {bare[5:7]} {bare[7:10]} {bare[10:13]} {key}"
    return random.choice((bare + key, spaced))


def _codice(random: Random) -> str:
    day, _, year = _day(random)
    return f"{_letters(random, 6)}{year}{random.choice('ABCDEHLMPRST')}{day}{random.choice('ABCDEFGHIL')}{_digits(random, 3)}{random.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ')}"


def _pesel(random: Random) -> str:
    day, month, year = _day(random)
    return f"{year}{month}{day}{_digits(random, 5)}"


def _nrn(random: Random) -> str:
    day, month, year = _day(random)
    serial = _digits(random, 3)
    key = f"{97 - int(year + month + day + serial) % 97:02}"
    return random.choice((f"{year}.{month}.{day}-{serial}.{key}", f"{year}{month}{day}{serial}{key}"))


def _nordic(form: str) -> Make:
    def made(random: Random) -> str:
        day, month, year = _day(random)
        return form.format(
            d=day, m=month, y=year, n3=_digits(random, 3), n4=_digits(random, 4), n5=_digits(random, 5)
        )

    return made


def _hetu(random: Random) -> str:
    day, month, year = _day(random)
    serial = f"{random.randint(2, 899):03}"
    sign = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(day + month + year + serial) % 31]
    return f"{day}{month}{year}-{serial}{sign}"


def _email(random: Random) -> str:
    name = random.choice(("ada", "l.byron", "grace-hopper", "j_doe", "info+claims", "max.mustermann"))
    return f"{name}{random.choice(('', str(random.randint(1, 99))))}@{random.choice(('example.com', 'mail.example.org', 'firma.de', 'uni-x.ac.uk'))}"


def _jwt(random: Random) -> str:
    return f"eyJ{_token(random, 33)}.eyJ{_token(random, 60)}.{_token(random, 43)}"


MAKERS: Mapping[str, Make] = {
    "card": _until(_card, check.card),
    "iban": _iban,
    "us-ssn": _until(lambda random: f"{_digits(random, 3)}-{_digits(random, 2)}-{_digits(random, 4)}", check.us_ssn),
    "uk-nino": lambda random: f"{random.choice(('AB', 'CE', 'JK', 'PW', 'SR'))} {_digits(random, 2)} {_digits(random, 2)} {_digits(random, 2)} {random.choice('ABCD')}",
    "uk-nhs": _until(lambda random: f"NHS number: {_digits(random, 3)} {_digits(random, 3)} {_digits(random, 4)}", lambda found: check.uk_nhs(found[12:])),
    "nl-bsn": _until(lambda random: f"BSN {_digits(random, 9)}", lambda found: check.nl_bsn(found[4:])),
    "fr-nir": _nir,
    "de-steuer-id": _until(lambda random: _digits(random, 11), check.de_steuer_id),
    "es-dni": _until(lambda random: f"{_digits(random, 8)}{random.choice('TRWAGMYFPDXBNJZSQVHLCKE')}", check.es_dni),
    "es-nie": _until(lambda random: f"{random.choice('XYZ')}{_digits(random, 7)}{random.choice('TRWAGMYFPDXBNJZSQVHLCKE')}", check.es_dni),
    "it-codice-fiscale": _until(_codice, check.it_codice_fiscale),
    "pl-pesel": _until(_pesel, check.pl_pesel),
    "be-nrn": _nrn,
    "se-personnummer": _until(_nordic("{y}{m}{d}-{n4}"), check.se_personnummer),
    "fi-hetu": _hetu,
    "no-fnr": _until(_nordic("{d}{m}{y}{n5}"), check.no_fnr),
    "dk-cpr": _nordic("CPR-nr. {d}{m}{y}-{n4}"),
    "br-cpf": _until(lambda random: f"{_digits(random, 3)}.{_digits(random, 3)}.{_digits(random, 3)}-{_digits(random, 2)}", check.br_cpf),
    "in-aadhaar": _until(lambda random: f"{random.randint(2, 9)}{_digits(random, 3)} {_digits(random, 4)} {_digits(random, 4)}", check.in_aadhaar),
    "ch-ahv": _until(lambda random: f"756.{_digits(random, 4)}.{_digits(random, 4)}.{_digits(random, 2)}", check.ch_ahv),
    "cz-birth-number": _until(_nordic("{y}{m}{d}/{n4}"), check.cz_birth_number),
    "e-mail": _email,
    "phone-international": lambda random: random.choice((f"+49 30 {_digits(random, 7)}", f"+1 (212) 555-0{_digits(random, 3)}", f"+44 20 7946 0{_digits(random, 3)}", f"+33 6 12 34 {_digits(random, 2)} 78")),
    "phone-national": lambda random: random.choice((f"(212) 555-0{_digits(random, 3)}", f"030/12 34 {_digits(random, 3)}", f"06 12 34 {_digits(random, 2)} 78", f"07700 900{_digits(random, 3)}", f"089 4567{_digits(random, 4)}")),
    "date-of-birth": lambda random: random.choice(("born on {}/{}/19{}", "DOB: {}.{}.19{}", "geboren am {}.{}.19{}", "date de naissance : {}/{}/19{}")).format(*_day(random)),
    "address-street-last": lambda random: f"{random.randint(1, 999)} {random.choice(('Baker', 'Elm', 'North Lake', 'Martin Luther'))} {random.choice(('Street', 'Road', 'Ave', 'Lane'))}",
    "address-street-joined": lambda random: f"{random.choice(('Haupt', 'Schiller', 'Linden', 'Goethe'))}{random.choice(('straße', 'strasse', 'weg', 'str.', 'allee'))} {random.randint(1, 199)}",
    "ipv4": lambda random: ".".join(str(random.randint(11, 120)) for _ in range(4)),
    "aws-access-key": lambda random: f"AKIA{_token(random, 16).upper()}",
    "github-token": lambda random: f"ghp_{_token(random, 36)}",
    "slack-token": lambda random: f"xoxb-{_digits(random, 12)}-{_digits(random, 12)}-{_token(random, 24)}",
    "stripe-key": lambda random: f"sk_live_{_token(random, 24)}",
    "google-api-key": lambda random: f"AIza{_token(random, 35)}",
    "openai-key": lambda random: f"sk-proj-{_token(random, 48)}",
    "anthropic-key": lambda random: f"sk-ant-api03-{_token(random, 60)}",
    "roadworthy-key": lambda random: f"rwk_{_token(random, 8)}_{_token(random, 43)}",
    "json-web-token": _jwt,
    "password-in-address": lambda random: f"postgresql://claims:{_token(random, 12)}@db.internal:5432/claims",
    "password-said": lambda random: f"password: {_token(random, 10)}7a",
    "private-key": lambda _random: "-----BEGIN RSA PRIVATE KEY-----",
}  # fmt: skip
"""Recogniser -> what makes one value it has to find."""

_WORDS = [
    "the",
    "customer",
    "asked",
    "about",
    "invoice",
    "and",
    "shipping",
    "to",
    "our",
    "warehouse",
    "near",
    "Berlin",
    "while",
    "we",
    "were",
    "waiting",
    "for",
    "approval",
    "from",
    "finance",
    "regarding",
    "project",
    "phoenix",
    "budget",
    "of",
    "quarter",
    "please",
    "summarise",
    "following",
    "notes",
    "respond",
    "politely",
    "next",
    "steps",
    "model",
    "answer",
    "table",
    "meeting",
    "version",
    "order",
    "reference",
    "between",
    "total",
    "amount",
    "invoice",
    "number",
    "item",
    "release",
    "build",
]


def _harmless(random: Random) -> str:
    """Return something with digits that is nobody's: orders, dates, amounts, versions, hashes, times."""
    return random.choice(
        (
            f"order {_digits(random, 10)}",
            f"#{_digits(random, 6)}",
            f"202{random.randint(0, 6)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
            f"{random.randint(1, 999)},{_digits(random, 3)},{_digits(random, 3)} EUR",
            f"v{random.randint(1, 20)}.{random.randint(0, 99)}.{random.randint(0, 999)}",
            f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}",
            f"{random.getrandbits(128):032x}",
            f"17{_digits(random, 11)}",
            f"ISBN 978-{random.randint(0, 9)}-{_digits(random, 4)}-{_digits(random, 4)}-{random.randint(0, 9)}",
            f"{random.uniform(0, 1):.12f}",
            f"page {random.randint(1, 400)} of 512",
            f"tracking 1Z{_token(random, 16).upper()}",
            f"{_digits(random, 4)}-{_digits(random, 4)}",
            f"lot {_digits(random, 8)}-{_letters(random, 2)}",
            f"{random.randint(1, 90)}.{_digits(random, 6)}, {random.randint(1, 90)}.{_digits(random, 6)}",
        )
    )


def prose(random: Random, words: int) -> str:
    """Return words without meaning, with harmless numbers among them."""
    return " ".join(
        _harmless(random) if random.random() < 0.08 else random.choice(_WORDS) for _ in range(words)
    )


def around(random: Random, value: str) -> str:
    """Return a text with a value somewhere in it."""
    end = random.choice((" ", ", ", ". ", "\n", "; "))
    return f"{prose(random, random.randint(3, 20))} {value}{end}{prose(random, random.randint(3, 20))}"
