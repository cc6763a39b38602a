"""AWS signatures: the published test suite's requests, and botocore beside us on random ones."""

from __future__ import annotations

import hashlib
import random
import ssl

import pytest

from roadworthy.gateway.edge.origin import Origin, OriginError, aws_credential
from roadworthy.gateway.edge.sigv4 import AwsCredential, Signer, canonical_request, string_to_sign
from roadworthy.gateway.snapshot import ProviderEntry

SUITE = AwsCredential("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
AT = "20150830T123600Z"
HOST = ("Host", "example.amazonaws.com")
DATE = ("X-Amz-Date", AT)
SECRET, SESSION = "s" * 20, "t" * 30
EMPTY = hashlib.sha256(b"").hexdigest()
LETTERS = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = "application/x-www-form-urlencoded"
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8"
    "YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE"
    "8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2"
    "ICCR/oLxBA=="
)

Case = tuple[str, str, str, list[tuple[str, str]], bytes, str]
CASES: list[Case] = [
    (
        *("get-vanilla", "GET", "/", [HOST, DATE], b""),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        *("post-vanilla", "POST", "/", [HOST, DATE], b""),
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        *("get-vanilla-query", "GET", "/?Param1=value1", [HOST, DATE], b""),
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    (
        *("get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", [HOST, DATE], b""),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        *("get-unreserved", "GET", f"/{LETTERS}", [HOST, DATE], b""),
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    (
        *("get-header-value-trim", "GET", "/"),
        [HOST, ("My-Header1", " value1"), ("My-Header2", ' "a   b   c"'), DATE],
        *(b"", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
    ),
    (
        *("get-header-value-order", "GET", "/"),
        [HOST, *(("My-Header1", f"value{n}") for n in (4, 1, 3, 2)), DATE],
        *(b"", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
    ),
    (
        *("get-relative", "GET", "/example/..", [HOST, DATE], b""),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        *("get-slash-dot-slash", "GET", "/./", [HOST, DATE], b""),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        *("get-slash-pointless-dot", "GET", "/./example", [HOST, DATE], b""),
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    ),
    (
        *("get-slashes", "GET", "//example//", [HOST, DATE], b""),
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    (
        *("get-space", "GET", "/example space/", [HOST, DATE], b""),
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    (
        *("post-x-www-form-urlencoded", "POST", "/", [("Content-Type", FORM), HOST, DATE], b"Param1=value1"),
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        *("post-header-key-sort", "POST", "/", [HOST, ("My-Header1", "value1"), DATE], b""),
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    (
        *("post-vanilla-query", "POST", "/?Param1=value1", [HOST, DATE], b""),
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    ),
    (
        *("post-sts-header-before", "POST", "/", [HOST, DATE, ("X-Amz-Security-Token", TOKEN)], b""),
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_the_published_suite_is_signed_as_published(case: Case) -> None:
    """Every request of the suite that a provider could be sent has the suite's own signature."""
    _, method, target, headers, body, signature = case
    signer = Signer(SUITE, region="us-east-1", service="service")
    said = signer.authorization(method, target, headers, hashlib.sha256(body).hexdigest(), at=AT)
    assert said.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
    )
    assert said.endswith(f"Signature={signature}")


def test_the_steps_between_are_the_published_ones() -> None:
    """The canonical request and the text that is signed, as the suite prints them."""
    canonical, names = canonical_request("GET", "/", "", [HOST, DATE], EMPTY, normalize=True)
    assert names == "host;x-amz-date"
    assert canonical == f"GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:{AT}\n\nhost;x-amz-date\n{EMPTY}"
    assert string_to_sign(AT, "20150830/us-east-1/service/aws4_request", canonical).endswith(
        "\nbb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63"
    )


def test_a_new_day_has_a_new_key() -> None:
    """A signer that lives past midnight does not sign with yesterday's key."""
    signer = Signer(SUITE, region="us-east-1", service="service")
    headers = [HOST, ("X-Amz-Date", "20150831T000000Z")]
    signer.authorization("GET", "/", [HOST, DATE], EMPTY, at=AT)
    later = signer.authorization("GET", "/", headers, EMPTY, at="20150831T000000Z")
    fresh = Signer(SUITE, region="us-east-1", service="service")
    assert later == fresh.authorization("GET", "/", headers, EMPTY, at="20150831T000000Z")


@pytest.mark.parametrize("seed", range(40))
def test_botocore_signs_a_request_as_we_do(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request as it goes to Bedrock, signed by AWS's own library and by us."""
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Theirs

    dice = random.Random(seed)
    model = dice.choice(
        [
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.x:0",
            "a b",
        ]
    )
    body = bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
    token = dice.choice(["", "t" * 20])
    secret = ":".join(filter(None, ("AKIAEXAMPLEEXAMPLE00", "s" * 40, token)))
    monkeypatch.setenv("RW_TEST_AWS", secret)
    provider = ProviderEntry(
        *("b", "https://bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"),
        api_key_ref="env:RW_TEST_AWS",
        region="eu-west-1",
    )
    from roadworthy.gateway.dialects.providers.bedrock import BedrockDialect

    path = BedrockDialect().path(model, "chat", stream=bool(seed % 2))
    made = Origin(provider, ssl.create_default_context()).request(path, body, at=1_440_938_160)
    head, _, sent = made.partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert sent == body
    assert lines["x-amz-date"] == AT

    theirs = AWSRequest(
        method="POST",
        url=f"https://bedrock-runtime.eu-west-1.amazonaws.com{path}",
        data=body,
        headers={
            "content-type": "application/json",
            "x-amz-content-sha256": lines["x-amz-content-sha256"],
            "x-amz-date": AT,
            **({"x-amz-security-token": token} if token else {}),
        },
    )
    theirs.context["timestamp"] = AT
    signer = auth.SigV4Auth(Theirs("AKIAEXAMPLEEXAMPLE00", "s" * 40, token or None), "bedrock", "eu-west-1")
    canonical = signer.canonical_request(theirs)
    signature = signer.signature(signer.string_to_sign(theirs, canonical), theirs)
    assert lines["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("AKIAEXAMPLEEXAMPLE00:" + "s" * 40, AwsCredential("AKIAEXAMPLEEXAMPLE00", "s" * 40)),
        (f"ASIAEXAMPLE000000:{SECRET}:{SESSION}", AwsCredential("ASIAEXAMPLE000000", SECRET, SESSION)),
        ('{"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}', AwsCredential("A", "S", "T")),
        ("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249", None),
    ],
)  # fmt: skip
def test_an_aws_credential_has_three_forms(secret: str, said: AwsCredential | None) -> None:
    """An access key, its JSON as `aws` prints it, or a Bedrock API key, which is sent as it is."""
    assert aws_credential(secret) == said


def test_broken_json_is_no_credential() -> None:
    """And it is not shown."""
    with pytest.raises(OriginError) as caught:
        aws_credential('{"AccessKeyId": "AKIASECRET"}')
    assert "AKIASECRET" not in caught.value.message
