"""Pure: recognisers of secrets, by the formats that their makers publish."""

from __future__ import annotations

from roadworthy.gateway.filters import check_digits as check
from roadworthy.gateway.filters.recogniser import Recogniser, key


def _is_password(found: bytes) -> bool:
    """Is what follows the name a value of its own: letters and digits, and no word of prose or code?"""
    value = found.replace(b":", b"=").split(b"=", 1)[1].strip(b" \"'")
    mixed = any(48 <= sign <= 57 for sign in value) and any(sign > 57 for sign in value)
    return mixed and check.entropy(value)


RECOGNISERS = (
    key("aws-access-key", "AWS access key id", rb"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",
        begins=rb"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{0,16}"),
    key("aws-secret-key", "AWS secret access key",
        rb"aws_?(?:secret_?)?(?:access_?)?key[a-z_]{0,12}[\"' ]{0,3}[=:][\"' ]{0,3}[A-Za-z0-9/+]{40}\b",
        begins=rb"aws_?secret[^\n]{0,60}", gate=rb"aws_?(?:secret_?)?(?:access_?)?key"),
    key("github-token", "GitHub token", rb"\bgh[pousr]_[A-Za-z0-9]{36}", begins=rb"\bgh[pousr]_[A-Za-z0-9]{0,60}"),
    key("github-fine-grained", "GitHub fine-grained token", rb"\bgithub_pat_[A-Za-z0-9_]{40}",
        begins=rb"\bgithub_pat_\w{0,52}"),
    key("gitlab-token", "GitLab token", rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{20}",
        begins=rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{0,50}"),
    key("slack-token", "Slack token", rb"\bxox[abeoprs]-[A-Za-z0-9-]{10}|\bxapp-\d-[A-Z0-9]{8,12}-\d{10,13}-[a-z0-9]{20}",
        begins=rb"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{0,58}"),
    key("slack-webhook", "Slack webhook", rb"hooks\.slack\.com/services/T[A-Z0-9]{7,12}/B[A-Z0-9]{7,12}/[A-Za-z0-9]{20}",
        begins=rb"hooks\.slack\.com/[^\s]{0,46}"),
    key("stripe-key", "Stripe key", rb"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16}|\bwhsec_[A-Za-z0-9+/]{24}",
        begins=rb"\b(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{0,50}"),
    key("google-api-key", "Google API key", rb"\bAIza[0-9A-Za-z_-]{35}", begins=rb"\bAIza[0-9A-Za-z_-]{0,50}"),
    key("google-oauth", "Google OAuth token", rb"\bya29\.[0-9A-Za-z_-]{20}|\bGOCSPX-[A-Za-z0-9_-]{20}",
        begins=rb"\b(?:ya29\.|GOCSPX-)[0-9A-Za-z_-]{0,50}"),
    key("anthropic-key", "Anthropic key", rb"\bsk-ant-[a-z0-9]{2,8}-[A-Za-z0-9_-]{20}",
        begins=rb"\bsk-ant-[A-Za-z0-9_-]{0,56}"),
    key("openai-key", "OpenAI key", rb"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20}",
        begins=rb"\bsk-[A-Za-z0-9_-]{1,60}", check=check.entropy),
    key("huggingface-token", "Hugging Face token", rb"\bhf_[A-Za-z]{30}", begins=rb"\bhf_[A-Za-z]{1,40}"),
    key("azure-storage", "Azure storage key", rb"AccountKey=[A-Za-z0-9+/]{60}", begins=rb"AccountKey=[A-Za-z0-9+/]{0,53}"),
    key("npm-token", "npm token", rb"\bnpm_[A-Za-z0-9]{36}", begins=rb"\bnpm_[A-Za-z0-9]{0,50}"),
    key("pypi-token", "PyPI token", rb"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20}", begins=rb"\bpypi-Ag[A-Za-z0-9_-]{0,56}"),
    key("sendgrid-key", "SendGrid key", rb"\bSG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{30}", begins=rb"\bSG\.[A-Za-z0-9_.-]{2,60}"),
    key("twilio-key", "Twilio key", rb"\bSK[0-9a-f]{32}\b", begins=rb"\bSK[0-9a-f]{2,32}"),
    key("telegram-bot", "Telegram bot token", rb"\b\d{8,10}:AA[A-Za-z0-9_-]{32,34}\b", begins=rb"\b\d{8,10}:A[A-Za-z0-9_-]{0,40}"),
    key("vault-token", "Vault token", rb"\bhv[sbr]\.[A-Za-z0-9_-]{24}", begins=rb"\bhv[sbr]\.[A-Za-z0-9_-]{0,50}"),
    key("digitalocean-token", "DigitalOcean token", rb"\bdo[opr]_v1_[a-f0-9]{64}", begins=rb"\bdo[opr]_v1_[a-f0-9]{0,57}"),
    key("roadworthy-key", "Roadworthy key", rb"\brw[kt]_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{30}", begins=rb"\brw[kt]_[A-Za-z0-9_-]{0,54}"),
    key("json-web-token", "JSON Web Token", rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8}", begins=rb"\beyJ[A-Za-z0-9_.-]{0,61}"),
    key("password-in-address", "Password in an address",
        rb"\b[a-z][a-z0-9+]{1,14}://[^\s:/@\"']{1,40}:[^\s:/@\"'<$]{3,60}@[A-Za-z0-9.-]{1,60}",
        begins=rb"\b[a-z][a-z0-9+]{1,14}://[^\s:/@\"']{1,40}:[^\s/@\"']{0,40}", gate=rb"://[^\s:/@\"']{1,40}:[^\s:/@\"'<$]{3}"),
    key("password-said", "Password, after its name",
        rb"\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token|client[_-]?secret)[\"']? ?[=:] ?[\"']?"
        rb"[A-Za-z0-9!#$%&*+/?@^_~.-]{8,60}", check=_is_password,
        gate=rb"\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token|client[_-]?secret)[\"']? ?[=:]",
        begins=rb"\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token)[\"']? ?[=:] ?[\"']?[^\s\"']{0,40}"),
    Recogniser(
        "private-key", "secrets", "Private key",
        rb"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----", "SECRET", priority=95,
        begins=rb"-----B[A-Z -]{0,40}|-{5}", goes_on=rb"[^-]",
        until=rb"-----END (?:[A-Z]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
    ),
)  # fmt: skip
