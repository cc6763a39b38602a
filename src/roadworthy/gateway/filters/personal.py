"""Pure: recognisers of personal data."""

from __future__ import annotations

from roadworthy.gateway.filters import check_digits as check
from roadworthy.gateway.filters.recogniser import Recogniser, national

_DIGITS = rb"\b\d[\d ./-]{3,22}"
_LETTER_FIRST = rb"\b[A-Z]{1,6}[ ]?\d[A-Z0-9 ]{0,20}"
_MONTH = rb"(?:jan|feb|mar|m.r|apr|ma[yi]|mei|jun|jul|aug|sep|o[ck]t|nov|de[czs])[a-z]{0,7}\.?"
_DATE = (
    rb"(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}"
    rb"|\d{1,2}(?:st|nd|rd|th|\.)? " + _MONTH + rb",? (?:19|20)\d{2}"
    rb"|" + _MONTH + rb" \d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\d{2})"
)
_BORN = (
    rb"(?:\bd\.?o\.?b\b\.?|\bborn\b|birth ?da(?:te|y)|date of birth|geburtsdatum|geboren|\bgeb\.|"
    rb"date de naissance|\bn.e? le\b|fecha de nacimiento|nacid[oa]|data di nascita|nat[oa] il|"
    rb"geboortedatum|data urodzenia|data de nascimento)"
)

MONEY = (
    Recogniser(
        "card", "cards", "Payment card", rb"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}(?:[ -]?\d{3})?\b|\b3\d{3}[ -]?\d{6}[ -]?\d{4,5}\b|\b\d{13,19}\b", "CARD",
        check=check.card, priority=80, begins=_DIGITS,
    ),
    Recogniser(
        "iban", "bank-accounts", "Bank account (IBAN)",
        rb"\b[A-Z]{2}\d{2} ?[A-Z0-9]{4}(?: ?[A-Z0-9]{1,4}){2,7}\b", "IBAN",
        check=check.iban, priority=85, begins=rb"\b[A-Z]{2}\d[A-Z0-9 ]{0,40}", ignore_case=True,
    ),
)  # fmt: skip

NATIONAL = (
    national("us-ssn", "United States: social security", rb"\b\d{3}[- ]\d{2}[- ]\d{4}\b", check.us_ssn),
    national(
        "us-ssn-bare", "United States: social security, written together", rb"\b\d{9}\b", check.us_ssn,
        cue=rb"\bssn\b|social security", priority=58,
    ),
    national(
        "uk-nino", "United Kingdom: national insurance",
        rb"\b[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z] ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]\b",
        lambda found: found[:2].upper() not in {b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"},
        begins=_LETTER_FIRST,
    ),
    national(
        "uk-nhs", "United Kingdom: NHS", rb"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b", check.uk_nhs, cue=rb"\bnhs\b",
    ),
    national(
        "nl-bsn", "Netherlands: citizen service", rb"\b\d{4}[. ]?\d{2}[. ]?\d{3}\b|\b\d{3}\.\d{3}\.\d{3}\b",
        check.nl_bsn, cue=rb"\bbsn\b|burgerservice|sofi", priority=61,
    ),
    national(
        "fr-nir", "France: social security",
        rb"\b[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b", check.fr_nir, priority=82,
    ),
    national(
        "de-steuer-id", "Germany: tax id", rb"\b[1-9]\d ?\d{3} ?\d{3} ?\d{3}\b", check.de_steuer_id,
    ),
    national("es-dni", "Spain: DNI", rb"\b\d{8}[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z]\b", check.es_dni),
    national(
        "es-nie", "Spain: NIE", rb"\b[XYZxyz][- ]?\d{7}[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z]\b", check.es_dni,
        begins=rb"\b[XYZ]-?\d[\d-]{0,9}", gate=rb"\d{7}[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z]\b",
    ),
    national(
        "it-codice-fiscale", "Italy: tax code",
        rb"\b[A-Za-z]{6}[0-9L-Vl-v]{2}[A-Ea-eHhLlMmPpR-Tr-t][0-9L-Vl-v]{2}[A-Za-z][0-9L-Vl-v]{3}[A-Za-z]\b",
        check.it_codice_fiscale, begins=rb"\b[A-Z]{6}\d[A-Z0-9]{0,14}",
        gate=rb"[0-9L-Vl-v]{2}[A-Ea-eHhLlMmPpR-Tr-t][0-9L-Vl-v]{2}[A-Za-z][0-9L-Vl-v]{3}[A-Za-z]\b",
    ),
    national("pl-pesel", "Poland: PESEL", rb"\b\d{11}\b", check.pl_pesel, priority=59),
    national(
        "be-nrn", "Belgium: national register", rb"\b\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. ]?\d{2}\b",
        check.be_nrn, priority=63,
    ),
    national(
        "se-personnummer", "Sweden: personal number", rb"\b(?:19|20)?\d{6}[-+]\d{4}\b|\b(?:19|20)\d{10}\b",
        check.se_personnummer, priority=64,
    ),
    national(
        "fi-hetu", "Finland: identity code", rb"\b\d{6}[-+A-FU-Ya-fu-y]\d{3}[0-9A-FHJ-NPR-Ya-fhj-npr-y]\b",
        check.fi_hetu, begins=rb"\b\d{4,6}[-+A-Y]?\d{0,3}",
    ),
    national(
        "dk-cpr", "Denmark: personal number", rb"\b\d{6}[- ]?\d{4}\b", check.dk_cpr,
        cue=rb"\bcpr\b|personnummer", priority=57,
    ),
    national("no-fnr", "Norway: national number", rb"\b\d{6} ?\d{5}\b", check.no_fnr, priority=62),
    national(
        "br-cpf", "Brazil: CPF", rb"\b\d{3}\.?\d{3}\.?\d{3}-?\d{2}\b", check.br_cpf, cue=rb"\bcpf\b",
        cue_if_bare=True,
    ),
    national(
        "in-aadhaar", "India: Aadhaar", rb"\b[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}\b", check.in_aadhaar,
        cue=rb"aadhaar|aadhar|uidai", cue_if_bare=True,
    ),
    national(
        "in-pan", "India: PAN", rb"\b[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]\b", lambda _found: True,
        begins=rb"\b[A-Z]{5}\d{0,4}", gate=rb"\d{4}[A-Z]\b",
    ),
    national("ch-ahv", "Switzerland: AHV", rb"\b756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}\b", check.ch_ahv),
    national(
        "at-svnr", "Austria: social security", rb"\b[1-9]\d{3} ?\d{6}\b", check.at_svnr,
        cue=rb"svnr|sv-n|sozialvers|versicherungsn",
    ),
    national(
        "pt-nif", "Portugal: NIF", rb"\b[1-35689]\d{2} ?\d{3} ?\d{3}\b", check.pt_nif,
        cue=rb"\bnif\b|contribuinte",
    ),
    national(
        "ie-pps", "Ireland: PPS", rb"\b\d{7}[A-Wa-w][A-IWa-iw]?\b", check.ie_pps, cue=rb"\bpps",
    ),
    national(
        "cz-birth-number", "Czechia, Slovakia: birth number", rb"\b\d{6}/\d{4}\b", check.cz_birth_number,
    ),
    national(
        "ca-sin", "Canada: social insurance", rb"\b\d{3}[ -]?\d{3}[ -]?\d{3}\b", check.ca_sin,
        cue=rb"\bsin\b|social insurance",
    ),
    national(
        "au-tfn", "Australia: tax file", rb"\b\d{3} ?\d{3} ?\d{3}\b", check.au_tfn, cue=rb"\btfn\b|tax file",
    ),
    national(
        "passport", "Passport, after its name", rb"\b[A-Z0-9]{1,2}\d{6,8}\b", lambda _found: True,
        cue=rb"passport|reisepass|passeport|pasaporte|passaporto", priority=40, begins=rb"\b[A-Z]\d{1,8}",
    ),
)  # fmt: skip

CONTACT = (
    Recogniser(
        "e-mail", "e-mail", "E-mail address",
        rb"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", "EMAIL",
        priority=70, begins=rb"\b[A-Za-z0-9._%+-]{1,64}(?:@[A-Za-z0-9.-]{0,60})?",
    ),
    Recogniser(
        "phone-international", "phones", "Telephone number with country code",
        rb"(?:\+|\b00)[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){7,12}\b", "PHONE", check=check.phone, priority=45,
        begins=rb"(?:\+|\b00)[1-9][\d .()/-]{0,20}",
    ),
    Recogniser(
        "phone-national", "phones", "Telephone number as a country writes it",
        rb"\(\d{3}\) ?\d{3}[-. ]\d{4}\b|\b\d{3}[-.]\d{3}[-.]\d{4}\b|\b0[1-9](?:[ .-]\d{2}){4}\b"
        rb"|\b07\d{3} ?\d{6}\b|\b0\d{2,4}[ /-]{1,3}\d{2,4}[ -]?\d{2,5}(?:[ -]\d{2,4})?\b|\(0\d{2,4}\) ?\d{3,4} ?\d{3,4}\b",
        "PHONE", check=check.phone, priority=44, begins=rb"(?:\(|\b)0?\d[\d .()/-]{3,18}",
    ),
    Recogniser(
        "phone-after-cue", "phones", "Telephone number, after its name", rb"\b\d{3}[ .-]?\d{3,4}[ .-]?\d{3,5}\b",
        "PHONE", check=check.phone, cue=rb"\b(?:phone|tel|mobile|cell|handy|telefon|fax|whatsapp)\b",
        priority=43, begins=rb"\b\d[\d .-]{3,14}",
    ),
)  # fmt: skip

BIRTH = (
    Recogniser(
        "date-of-birth", "dates-of-birth", "Date of birth, after its name",
        _BORN + rb"[^0-9a-z]{0,12}(?:(?:on|is|am|was|le|il|el) ){0,2}" + _DATE, "DATE_OF_BIRTH",
        check=check.day, priority=55, begins=_BORN + rb"[^\n]{0,30}", ignore_case=True, gate=_BORN,
    ),
)  # fmt: skip

ADDRESSES = (
    Recogniser(
        "address-street-last", "addresses", "Postal address: 12 High Street",
        rb"\b\d{1,5}[A-Za-z]? (?:[A-Z][A-Za-z'.-]{1,20} ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|"
        rb"Boulevard|Blvd|Court|Ct|Square|Sq|Terrace|Crescent|Close|Parkway|Pkwy)\b", "ADDRESS",
        priority=30, begins=rb"\b\d{1,5}[A-Za-z]? (?:[A-Z][A-Za-z'.-]{0,20} ?){0,4}",
    ),
    Recogniser(
        "address-street-joined", "addresses", "Postal address: Hauptstrasse 12",
        rb"\b[A-Z][A-Za-z\xc0-\xff-]{2,30}(?:stra(?:ss|\xdf)e|str\.|weg|gasse|allee|platz|straat|laan|gatan|veien)"
        rb" ?\d{1,4} ?[a-z]?\b", "ADDRESS", priority=30,
        begins=rb"\b[A-Z][A-Za-z\xc0-\xff-]{0,30}(?:stra(?:ss|\xdf)e|str\.|gasse|allee|platz|straat|laan)[ \d]{0,6}",
    ),
    Recogniser(
        "address-street-first", "addresses", "Postal address: 12 rue de Rivoli, Via Roma 3",
        rb"\b\d{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai) [A-Za-z\xc0-\xff' -]{3,40}"
        rb"|\b(?:Calle|Via|Piazza|Viale|Avenida|Rua|Plaza|ulica|ul\.) [A-Z\xc0-\xff][A-Za-z\xc0-\xff' -]{2,40},? \d{1,4}\b",
        "ADDRESS", priority=30,
        gate=rb"\d(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai) "
        rb"|\b(?:Calle|Via|Piazza|Viale|Avenida|Rua|Plaza|ulica|ul\.) [A-Z\xc0-\xff]",
        begins=rb"(?:\b\d{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place)|\b(?:Calle|Via|Piazza|Viale|Avenida|Rua)) [^\n]{0,40}",
    ),
)  # fmt: skip

NETWORK = (
    Recogniser(
        "ipv4", "network", "IP address, version 4", rb"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "IP",
        check=check.ipv4, priority=42, begins=rb"\b\d{1,3}\.[\d.]{0,11}",
    ),
    Recogniser(
        "ipv6", "network", "IP address, version 6",
        rb"\b(?:[0-9a-fA-F]{1,4}:){3,7}(?::?[0-9a-fA-F]{1,4}){1,4}\b", "IP", priority=42,
        begins=rb"\b(?:[0-9a-fA-F]{1,4}:){2,8}[0-9a-fA-F]{0,4}", gate=rb"[0-9a-fA-F]:[0-9a-fA-F]{1,4}:",
    ),
)  # fmt: skip

RECOGNISERS = (*MONEY, *NATIONAL, *CONTACT, *BIRTH, *ADDRESSES, *NETWORK)
