"""What /assets serves: small, ours, and nothing a path could reach beside it."""

from __future__ import annotations

import gzip
import hashlib
import re

from roadworthy.foundation.web.served_assets import FOLDER, asset_url, assets
from roadworthy.foundation.web.templating import asset_headers, csp_headers, page_headers


def test_the_page_weight_is_small() -> None:
    """Own script under 8 kB, all scripts under 40 kB compressed, styles under 12 kB compressed."""
    served = assets()
    zipped = {name: len(asset.gzipped or b"") for name, asset in served.items()}

    assert len(served["console.js"].body) < 8 * 1024
    assert sum(size for name, size in zipped.items() if name.endswith(".js")) < 40 * 1024
    assert sum(size for name, size in zipped.items() if name.endswith(".css")) < 12 * 1024
    assert len(served["fonts/inter-latin.woff2"].body) < 60 * 1024


def test_htmx_comes_out_of_its_package() -> None:
    """It is a dependency with a version, not a copy in the repository."""
    assert b"htmx" in assets()["htmx.js"].body
    assert not list(FOLDER.rglob("htmx*"))


def test_addresses_change_with_the_content() -> None:
    """A browser may keep a versioned asset for a year."""
    asset = assets()["console.css"]
    assert asset_url("console.css") == f"/assets/console.css?v={hashlib.sha256(asset.body).hexdigest()[:16]}"
    assert gzip.decompress(asset.gzipped or b"") == asset.body
    assert "immutable" in asset_headers(versioned=True)["Cache-Control"]
    assert "immutable" not in asset_headers(versioned=False)["Cache-Control"]


def test_styles_ask_for_nothing_outside() -> None:
    """Every address in a style sheet is a served asset, and every token that is used is defined."""
    served = assets()
    sheets = {name: asset.body.decode() for name, asset in served.items() if name.endswith(".css")}
    text = "\n".join(sheets.values())

    assert set(re.findall(r'url\("([^"]+)"\)', text)) <= served.keys()
    assert "@import" not in text
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) <= set(re.findall(r"(--[a-z0-9-]+):", text))


def test_the_font_is_the_one_its_note_names() -> None:
    """Licence and provenance stand beside the file, and the note's hash is the file's."""
    note = (FOLDER / "fonts/PROVENANCE.md").read_text(encoding="utf-8")
    assert hashlib.sha256(assets()["fonts/inter-latin.woff2"].body).hexdigest() in note
    assert "SIL Open Font License" in (FOLDER / "fonts/OFL.txt").read_text(encoding="utf-8")


def test_the_content_policy_allows_only_our_own_files() -> None:
    """No inline script or style, no evaluation, no frames, no other hosts; pages are not stored."""
    policy = csp_headers()["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page_headers()["Cache-Control"] == "no-store"
    assert page_headers()["X-Content-Type-Options"] == "nosniff"
