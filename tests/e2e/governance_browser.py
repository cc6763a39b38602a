"""A browser for the walk from intake to first call: one window, people sign in one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from playwright.sync_api import Page, ViewportSize

from tests.e2e import ferries
from tests.e2e import governance_story as story
from tests.e2e.governance_story import Company
from tests.e2e.test_screens import keep

WIDE: ViewportSize = {"width": 1360, "height": 900}
PICTURE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 800}


@dataclass
class Walker:
    """Somebody at the console."""

    company: Company
    page: Page
    axe: Callable[[Page], list[str]]

    @property
    def url(self) -> str:
        """Return the console's address."""
        return self.company.installation.url

    @property
    def text(self) -> str:
        """Return what the page says."""
        return self.page.inner_text("main")

    def sign_in(self, person: str) -> None:
        """Sign in as people do, and come to what waits for them."""
        self.page.context.clear_cookies()
        self.page.emulate_media(reduced_motion="reduce")
        self.page.goto(self.company.admin.do("sign-in-link", person).out.strip())
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def go(self, path: str, *words: str) -> None:
        """Open a page, read these words on it, and look at it."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == 200
        self.sees(*words)
        self.looks_right()

    def sees(self, *words: str) -> None:
        """Wait until the page says all of this."""
        for each in words:
            shown = self.page.locator("body").get_by_text(each).locator("visible=true")
            shown.first.wait_for(timeout=15_000)

    def looks_right(self) -> None:
        """Insist that axe-core finds nothing, in either theme and narrow, and that nothing sticks out."""
        for theme, size in (("dark", WIDE), ("light", NARROW), ("light", WIDE)):
            self.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            self.page.set_viewport_size(size)
            where = f"{self.page.url} in {theme} at {size['width']}"
            assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"], where
            assert self.axe(self.page) == [], where

    def keep(self, name: str, *, at: str = "h1") -> None:
        """Take the picture of the docs; `at` is what stands at its top."""
        self.page.set_viewport_size(PICTURE)
        self.page.evaluate("window.scrollTo(0, 0)")
        if at != "h1":
            self.page.locator(at).first.evaluate(
                "one => window.scrollBy(0, one.getBoundingClientRect().top - 80)"
            )
        keep(self.page, f"{name}-light")
        self.page.set_viewport_size(WIDE)

    def press(self, button: str) -> None:
        """Press a button that leads to another page."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button, exact=True).first.click()

    def follow(self, href: str) -> None:
        """Follow a link of the page."""
        self.page.locator(f"main a[href='{href}']").first.click()
        self.page.wait_for_url(f"**{href}")

    def fill_intake(self, name: str) -> None:
        """Fill the whole form; the answers come as fast as somebody can press, and none is lost."""
        self.page.set_viewport_size(WIDE)
        fields = {"name": name, "title": story.TITLE, "summary": story.SUMMARY, "security_path": "standard"}
        for field, value in {**fields, "models": "small", "routes": "default"}.items():
            self.page.fill(f"#field-{field}", value)
        self.page.select_option("#field-namespace", "ferries")
        self.page.select_option("#field-outcome", "quicker-rebooking")
        metrics = (("rebooking-minutes", "24"), ("wrong-refunds", "3"), ("desk-use", ""))
        for row, (metric, target) in enumerate(metrics, 1):
            self.page.select_option(f"#field-metric_{row}", metric)
            self.page.fill(f"#field-target_{row}", target)
        for side, owner in ferries.SIDES.items():
            self.page.select_option(f"#field-{side}_owner", owner)
        for fact, answer in story.ANSWERS.items():
            if isinstance(answer, str):
                self.page.select_option(f"#field-fact_{fact}", answer)
                continue
            for each in answer:
                self.page.check(f"#fact_{fact}-{each}")
        for question in story.NONE:
            box = self.page.locator(f"#none-{question}")
            if box.count():
                box.check()

    def may_not_approve(self, use_case: str, *, role: str) -> bool:
        """Send the form that the page does not show; say whether it is refused."""
        csrf = self.page.locator("input[name=csrf]").first.input_value()
        digest = self.company["ana"].do("explain", use_case, "-o", "json").json()["digest"]
        form = {"csrf": csrf, "decision": "approve", "role": role, "digest": digest}
        answer = self.page.request.post(f"{self.url}/use-cases/{use_case}/approvals", form=form)
        return answer.status == 403 and "wrote the declaration" in answer.text()

    def ask_for_exception(self, use_case: str, *, owner: str, until: date) -> None:
        """Ask for an exception on the page of the gate."""
        self.go(f"/use-cases/{use_case}/gate", "Ask for an exception")
        self.page.select_option("#field-control", story.CONTROL)
        self.page.fill("#field-justification", story.JUSTIFICATION)
        self.page.fill("#field-compensating", story.INSTEAD)
        self.page.select_option("#field-owner", f"person/{owner}")
        self.page.fill("#field-expires_on", until.isoformat())
        self.press("Ask for the exception")

    def issue_key(self, account: str) -> str:
        """Issue a key on the page of a program; it is shown this once."""
        self.go(f"/access/service-accounts/{account}", "Issue a key")
        self.press("Issue key")
        self.looks_right()
        found = re.search(r"rwk_[\w-]+", self.text)
        assert found
        return found[0]
