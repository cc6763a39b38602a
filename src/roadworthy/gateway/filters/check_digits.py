"""Pure: check digits of cards, accounts and national ids; each takes what was recognised, as bytes."""

from __future__ import annotations

from collections.abc import Sequence

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_VERHOEFF_D = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_VERHOEFF_P = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip
_DNI_LETTERS = b"TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_SIGNS = b"0123456789ABCDEFHJKLMNPRSTUVWXY"
_CF_ODD = {
    **dict(zip("0123456789ABCDEFGHIJ", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2, strict=True)),
    **dict(zip("KLMNOPQRSTUVWXYZ", (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True)),
}
_SEPARATORS = b" .-/\xa0"


def digits_of(found: bytes) -> list[int]:
    """Return the digits, without what separates them."""
    return [sign - 48 for sign in found if 48 <= sign <= 57]


def bare(found: bytes) -> bytes:
    """Return what was found without separators, in capitals."""
    return found.translate(None, _SEPARATORS).upper()


def _weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def _is_day(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def luhn(digits: Sequence[int]) -> bool:
    """Does the last digit fit by Luhn's formula?"""
    return (sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0


def card(found: bytes) -> bool:
    """A payment card: an issuer's first digits, its length, Luhn."""
    digits = digits_of(found)
    size = len(digits)
    two = digits[0] * 10 + digits[1]
    four = two * 100 + digits[2] * 10 + digits[3]
    if digits[0] == 4:
        fits = size in {13, 16, 19}
    elif 51 <= two <= 55 or 2221 <= four <= 2720:
        fits = size == 16
    elif two in {34, 37}:
        fits = size == 15
    elif two in {36, 38, 39} or 3000 <= four <= 3059:
        fits = size == 14
    elif 3528 <= four <= 3589 or four == 6011 or two in {62, 65} or 6440 <= four <= 6499:
        fits = 16 <= size <= 19
    else:
        fits = size == 16 and (two == 50 or 56 <= two <= 69)
    return fits and len(set(digits)) > 1 and luhn(digits)


def iban(found: bytes) -> bool:
    """An international bank account number: the country's length, and 1 modulo 97."""
    text = bare(found).decode("latin-1")
    if _IBAN_LENGTHS.get(text[:2]) != len(text) or not text.isalnum():
        return False
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def iban_prefix(found: bytes) -> int | None:
    """Return how many bytes of what was found are the account number; what follows may be other words."""
    country = found[:2].decode("latin-1").upper()
    wanted = _IBAN_LENGTHS.get(country)
    if wanted is None:
        return None
    seen = 0
    for at, sign in enumerate(found):
        if sign not in _SEPARATORS:
            seen += 1
        if seen == wanted:
            return at + 1 if iban(found[: at + 1]) else None
    return None


def us_ssn(found: bytes) -> bool:
    """United States social security: no check digit, but areas, groups and serials never issued."""
    text = bare(found)
    area, group, serial = text[:3], text[3:5], text[5:]
    if area in {b"000", b"666"} or area >= b"900" or group == b"00" or serial == b"0000":
        return False
    return text not in {b"123456789", b"078051120", b"219099999"} and len(set(text)) > 1


def uk_nhs(found: bytes) -> bool:
    """National Health Service number: modulo 11."""
    digits = digits_of(found)
    return (11 - _weighted(digits, range(10, 1, -1)) % 11) % 11 == digits[9] and len(set(digits)) > 1


def nl_bsn(found: bytes) -> bool:
    """Dutch citizen service number: the eleven-test."""
    digits = digits_of(found)
    return _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and len(set(digits)) > 1


def fr_nir(found: bytes) -> bool:
    """French social security: 97 less the rest modulo 97; Corsica counts as 19 and 18."""
    text = bare(found).replace(b"2A", b"19").replace(b"2B", b"18")
    return len(text) == 15 and text.isdigit() and 97 - int(text[:13]) % 97 == int(text[13:])


def de_steuer_id(found: bytes) -> bool:
    """German tax id: one digit of the first ten comes two or three times, and ISO 7064 mod 11,10."""
    digits = digits_of(found)
    counts = sorted(digits[:10].count(digit) for digit in range(10))
    if digits[0] == 0 or counts[-1] not in {2, 3} or counts[-2] != 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[10]


def es_dni(found: bytes) -> bool:
    """Spanish DNI or NIE: a letter by the rest modulo 23."""
    text = bare(found)
    number = text[:-1].translate(bytes.maketrans(b"XYZ", b"012"))
    return number.isdigit() and _DNI_LETTERS[int(number) % 23] == text[-1]


def it_codice_fiscale(found: bytes) -> bool:
    """Italian tax code: a letter by odd and even places modulo 26."""
    text = bare(found).decode("latin-1")
    total = sum(_CF_ODD[sign] for sign in text[0:15:2])
    total += sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in text[1:15:2])
    return chr(65 + total % 26) == text[15]


def pl_pesel(found: bytes) -> bool:
    """Polish PESEL: a day that exists, and weights modulo 10."""
    digits = digits_of(found)
    month = (digits[2] * 10 + digits[3]) % 20
    if not _is_day(month, digits[4] * 10 + digits[5]):
        return False
    return (10 - _weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == digits[10]


def be_nrn(found: bytes) -> bool:
    """Belgian national register: a day, and 97 less the rest modulo 97, before or after 2000."""
    text = bare(found)
    month, day = int(text[2:4]), int(text[4:6])
    if not (month % 20 <= 12 and day <= 31):
        return False
    number, check = int(text[:9]), int(text[9:])
    return check in {97 - number % 97, 97 - (2_000_000_000 + number) % 97}


def se_personnummer(found: bytes) -> bool:
    """Swedish personal or co-ordination number: a day, and Luhn over ten digits."""
    digits = digits_of(found)[-10:]
    day = digits[4] * 10 + digits[5]
    return _is_day(digits[2] * 10 + digits[3], day - 60 if day > 60 else day) and luhn(digits)


def fi_hetu(found: bytes) -> bool:
    """Finnish personal identity code: a day, and a sign by the rest modulo 31."""
    text = found.upper()
    if not _is_day(int(text[2:4]), int(text[:2])):
        return False
    return _HETU_SIGNS[int(text[:6] + text[7:10]) % 31] == text[10]


def dk_cpr(found: bytes) -> bool:
    """Danish personal number: a day that exists; numbers since 2007 have no check digit."""
    digits = digits_of(found)
    return _is_day(digits[2] * 10 + digits[3], digits[0] * 10 + digits[1])


def no_fnr(found: bytes) -> bool:
    """Norwegian national or D number: a day, and two digits modulo 11."""
    digits = digits_of(found)
    day = digits[0] * 10 + digits[1]
    if not _is_day((digits[2] * 10 + digits[3]) % 40, day - 40 if day > 40 else day):
        return False
    first = (11 - _weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    second = (11 - _weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return first == digits[9] and second == digits[10]


def br_cpf(found: bytes) -> bool:
    """Brazilian CPF: two digits modulo 11."""
    digits = digits_of(found)
    first = _weighted(digits, range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits, range(11, 1, -1)) * 10 % 11 % 10
    return [first, second] == digits[9:] and len(set(digits)) > 1


def in_aadhaar(found: bytes) -> bool:
    """Indian Aadhaar: Verhoeff's dihedral check."""
    check = 0
    digits = digits_of(found)
    for place, digit in enumerate(reversed(digits)):
        check = _VERHOEFF_D[check][_VERHOEFF_P[place % 8][digit]]
    return check == 0 and len(set(digits)) > 1


def ch_ahv(found: bytes) -> bool:
    """Swiss social security: the check digit of EAN-13."""
    digits = digits_of(found)
    return (10 - _weighted(digits, (1, 3) * 6) % 10) % 10 == digits[12]


def pt_nif(found: bytes) -> bool:
    """Portuguese tax number: modulo 11."""
    digits = digits_of(found)
    rest = 11 - _weighted(digits, range(9, 1, -1)) % 11
    return (0 if rest > 9 else rest) == digits[8]


def at_svnr(found: bytes) -> bool:
    """Austrian social security: the fourth digit is the rest modulo 11, and a day follows."""
    digits = digits_of(found)
    rest = _weighted(digits[:3], (3, 7, 9)) + _weighted(digits[4:], (5, 8, 4, 2, 1, 6))
    return rest % 11 == digits[3] and _is_day(digits[6] * 10 + digits[7], digits[4] * 10 + digits[5])


def ie_pps(found: bytes) -> bool:
    """Irish PPS number: a letter by weights modulo 23, the second letter counting nine times."""
    text = bare(found)
    total = _weighted([sign - 48 for sign in text[:7]], range(8, 1, -1))
    if len(text) == 9 and text[8:9] != b"W":
        total += (text[8] - 64) * 9
    return b"WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7]


def cz_birth_number(found: bytes) -> bool:
    """Czech or Slovak birth number: a day, and divisible by 11."""
    text = bare(found)
    month = int(text[2:4]) % 50
    return _is_day(month - 20 if month > 20 else month, int(text[4:6])) and int(text) % 11 == 0


def ca_sin(found: bytes) -> bool:
    """Canadian social insurance number: Luhn."""
    digits = digits_of(found)
    return digits[0] not in {0, 8} and luhn(digits) and len(set(digits)) > 1


def au_tfn(found: bytes) -> bool:
    """Australian tax file number: weights modulo 11."""
    digits = digits_of(found)
    return _weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and len(set(digits)) > 1


def phone(found: bytes) -> bool:
    """A telephone number: 8 to 15 digits that are not all alike."""
    digits = digits_of(found)
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2


def ipv4(found: bytes) -> bool:
    """Four numbers up to 255; those that mean no machine are left out."""
    parts = [int(part) for part in found.split(b".")]
    return all(part < 256 for part in parts) and parts[0] not in {0, 127} and parts != [255] * 4


def day(found: bytes) -> bool:
    """Is there a day in it that somebody living could be born on?"""
    parts = found.translate(bytes.maketrans(b"./-,", b"    ")).split()
    numbers = [int(part) for part in parts if part.isdigit()]
    years = [number for number in numbers if number > 31]
    rest = [number for number in numbers if number <= 31]
    return not years or ((1900 <= years[0] <= 2100 or years[0] < 100) and all(number > 0 for number in rest))


def entropy(found: bytes) -> bool:
    """Is a value mixed enough to be a secret, and not one made up to stand for one?"""
    value = found.rsplit(b"=", 1)[-1] if b"=" in found else found
    value = value.strip(b" \"'")
    low = value.lower()
    if any(word in low for word in (b"example", b"placehold", b"your", b"xxxx", b"****", b"<", b"${")):
        return False
    return len(set(value)) >= 6
