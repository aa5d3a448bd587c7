"""Drives the page in a real Chromium, and keeps what the browser would otherwise only show."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE = 10
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
)
#: Runs before anything of the page: a dialog, a violation or a fault must not pass unseen.
_WATCH = """
window.seen = { dialogs: [], violations: [], faults: [], stored: 0 };
for (const name of ["alert", "confirm", "prompt", "print"]) {
  window[name] = (...given) => { window.seen.dialogs.push(name); return null; };
}
document.addEventListener("securitypolicyviolation", (event) =>
  window.seen.violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
window.addEventListener("error", (event) => window.seen.faults.push(String(event.message)));
window.addEventListener("unhandledrejection", (event) => window.seen.faults.push(String(event.reason)));
"""


def find_browser() -> tuple[str, str] | None:
    """Return the paths of Chromium and its driver, or ``None`` where either is absent."""
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return None if browser is None or driver is None else (browser, driver)


def start_browser(browser: str, driver: str, profile: Path) -> webdriver.Chrome:
    """Return a headless Chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.unhandled_prompt_behavior = "ignore"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    started.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    return started


@dataclass
class Page:
    """The page at ``/`` in a browser."""

    driver: webdriver.Chrome
    origin: str

    def open(self, *, width: int = 1280, height: int = 900, media: dict[str, str] | None = None) -> Page:
        """Load the page afresh at a width in CSS pixels, with media features such as the colour scheme."""
        # A page that still scrolls moves away from under the pointer.
        wanted = {"prefers-reduced-motion": "reduce", **(media or {})}
        features = [{"name": name, "value": value} for name, value in wanted.items()]
        self.command("Emulation.setEmulatedMedia", media="", features=features)
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.driver.get(self.origin + "/")
        self.wait(lambda: not self.run("return document.getElementById('submit').disabled"))
        return self

    def command(self, name: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until ``condition`` holds; fails after ``PATIENCE`` seconds."""
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.02).until(lambda _: condition())

    def one(self, selector: str) -> WebElement:
        """Return the first element that fits a selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that fit a selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return the text content of an element, also of what is folded away."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def texts(self, selector: str) -> list[str]:
        """Return the text contents of all elements that fit a selector."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector
        )
        return found

    def fill(self, answer: str, question: str = "") -> None:
        """Put texts into the form, as a paste would."""
        self.run(
            """const [answer, question] = arguments;
            const fields = document.getElementById("form").elements;
            fields.question.value = question;
            fields.answer.value = answer;
            fields.answer.dispatchEvent(new Event("input", { bubbles: true }));""",
            answer,
            question,
        )

    def submit(self, answer: str, question: str = "") -> None:
        """Fill the form in, send it, and wait until a reply or an error is shown."""
        self.fill(answer, question)
        self.send()

    def send(self) -> None:
        """Press the button and wait until a reply or an error is shown."""
        self.forget_outcome()
        self.one("#submit").click()
        self.wait_for_outcome()

    def forget_outcome(self) -> None:
        """Take away what an earlier request has shown, so that it is not taken for the next one's."""
        self.run(
            """for (const id of ["report", "trouble"]) document.getElementById(id).replaceChildren();
            document.getElementById("submit").removeAttribute("aria-disabled");"""
        )

    def wait_for_outcome(self) -> None:
        """Wait until a reply or an error is shown."""
        self.wait(
            lambda: self.run(
                """return document.getElementById("submit").getAttribute("aria-disabled") === "false"
                || document.getElementById("trouble").childElementCount > 0"""
            )
        )

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def press_with(self, held: str, key: str) -> None:
        """Press a key while another is held."""
        chain = webdriver.ActionChains(self.driver)
        chain.key_down(held).send_keys(key).key_up(held).perform()

    def focused(self) -> WebElement:
        """Return the element that has the focus."""
        return self.driver.switch_to.active_element

    def seen(self, what: str) -> list[str]:
        """Return the ``dialogs``, policy ``violations`` or script ``faults`` since the page was loaded."""
        found: list[str] = self.run("return window.seen[arguments[0]]", what)
        return found

    def foreign_requests(self) -> list[str]:
        """Return the addresses outside the page's own origin that it asked."""
        found: list[str] = self.run(
            """return performance.getEntries().map(({ name }) => name)
            .filter((name) => /^[a-z]+:/i.test(name) && !name.startsWith(location.origin))"""
        )
        return found
