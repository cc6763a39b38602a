"""Pure: phrases that try to turn a model against its instructions; a first line, never the only one."""

from __future__ import annotations

from roadworthy.gateway.filters.recogniser import Recogniser

_GAP = rb"[\s,]{1,3}"
_OLD = rb"(?:all |any |the |of |your |my |our ){0,4}(?:previous|prior|above|earlier|preceding|initial|original|foregoing|system)"
_RULES = rb"(?:instructions?|prompts?|rules?|directions?|guidelines?|messages?|context|orders|commands|constraints)"
_HELD = rb"(?:ignor|disregard|overlook|forget|overrid|bypass)(?:e|es|ing)?"


def _phrase(name: str, title: str, pattern: bytes, gate: bytes = b"") -> Recogniser:
    return Recogniser(
        name, "injection", title, pattern, "INJECTION", priority=20, ignore_case=True, gate=gate
    )


RECOGNISERS = (
    _phrase("ignore-instructions", "Ignore the instructions before",
            rb"\b" + _HELD + rb" " + _OLD + rb" (?:and [a-z]{1,12} )?" + _RULES + rb"\b"),
    _phrase("forget-everything", "Forget everything",
            rb"\b(?:forget|ignore|disregard) (?:everything|all|anything)(?: that)?(?: you)?(?: have| were|'ve)?"
            rb"(?: been)? (?:told|above|before|said|learned|instructed)\b"),
    _phrase("new-role", "You are from now on somebody else",
            rb"\b(?:from now on|starting now),? you (?:are|will (?:be|act)|must (?:be|act))\b"
            rb"|\byou are now (?:in )?(?:dan|developer mode|jailbroken|unrestricted|free from|no longer)\b"
            rb"|\b(?:enable|enter|activate|switch to) (?:developer|dan|god|jailbreak|debug|sudo|unrestricted) mode\b"),
    _phrase("jailbreak-name", "A known jailbreak by its name",
            rb"\bdo anything now\b|\bjailbreak(?:ed)? (?:prompt|mode)\b|\bevil[- ]?(?:bot|confidant)\b|\bstay in dan\b"),
    _phrase("no-limits", "Answer without limits",
            rb"\b(?:without|no) (?:any )?(?:ethical|moral|safety|content) (?:restrictions?|limits?|limitations?|filters?|guidelines?|constraints?)\b"
            rb"|\byou (?:have|are under) no (?:restrictions?|rules|limits|limitations|filters?)\b"),
    _phrase("reveal-prompt", "Show the system prompt",
            rb"\b(?:reveal|show|print|repeat|output|display|tell|give|leak|expose)(?: me| us)?(?: exactly| verbatim)?"
            rb" (?:your|the|all of your|its) (?:(?:full|entire|exact|hidden|secret|original|initial|whole) ){0,2}"
            rb"(?:system|initial|hidden|developer|secret|pre-?) ?(?:prompt|instructions?|message|rules)\b",
            rb"(?:system|initial|hidden|developer|secret|pre-?) ?(?:prompt|instruction|message|rules)"),
    _phrase("repeat-above", "Repeat the words above",
            rb"\b(?:repeat|print|output|copy|return) (?:all |everything |the |of ){0,3}(?:words|text|lines|content|everything)"
            rb" (?:above|before this)\b"),
    _phrase("fake-turn", "A turn of the conversation that was written by the user",
            rb"<\|im_start\|> ?system|\[/?INST\]|<<SYS>>|<\|(?:system|start_header_id)\|>|\n#{2,4} ?(?:system|new) (?:prompt|instructions?):"),
    _phrase("send-away", "Send what you know away",
            rb"!\[[^\]]{0,40}\]\(https?://[^\s)]{1,200}[?&][a-z_]{1,20}=(?:\{|\[|%7b|<)"
            rb"|\b(?:send|post|forward|exfiltrate|upload)(?: the| this| all| your| my){0,3} (?:conversation|chat history|data|secrets?|credentials|passwords?|api keys?) to (?:https?:|[a-z0-9.-]{1,60}@)",
            rb"\]\(https?://|\b(?:send|post|forward|exfiltrate|upload) (?:the|this|all|your|my|conv|chat|data|secr|cred|pass|api)"),
    _phrase("other-languages", "The same in German, French, Spanish, Italian",
            rb"\b(?:ignoriere|vergiss)(?: bitte)?(?: alle| die| alles){0,3} (?:vorherigen|bisherigen|obigen|fr.heren) (?:anweisungen|befehle|regeln|vorgaben)"
            rb"|\b(?:ignore[zr]?|oublie[zr]?) (?:toutes )?(?:les|tes|vos) (?:instructions|consignes|r.gles) (?:pr.c.dentes|ci-dessus)"
            rb"|\b(?:ignora|olvida|ignore) (?:todas )?(?:las|tus) (?:instrucciones|reglas) (?:anteriores|previas)"
            rb"|\b(?:ignora|dimentica) (?:tutte )?(?:le|tue) (?:istruzioni|regole) precedenti"),
)  # fmt: skip
