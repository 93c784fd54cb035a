"""The HTML page in a real headless browser, in a window of a desktop and of a phone."""

from __future__ import annotations

import contextlib
import io
import re
import shutil

import pytest
from sample_reports import CRASHES, HUBER, L1, LOGITS, RAISES, failing, full, holding
from unified_loss.conformance.reporting import compare, to_badge, to_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, without a window."""
    if not CHROMIUM or not CHROMEDRIVER:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(30)
    yield driver
    driver.quit()


def whole():
    report = full()
    report["baseline"] = compare(holding(), report).to_json()
    return report


class Page:
    """A report's page in a browser."""

    def __init__(self, driver, file, size="desktop"):
        self.driver, self.size = driver, size
        width, height = SIZES[size]
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"},
        )
        self.prefer("light")
        # The same address with another fragment would not load the page again.
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get_log("performance")
        driver.get(file.as_uri() if hasattr(file, "as_uri") else file)
        self.wait("document.documentElement.dataset.ready === 'true'")

    def prefer(self, colours):
        # A page that glides to where it was told is not yet there when it is clicked.
        features = {"prefers-color-scheme": colours, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def wait(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 60).until(lambda driver: driver.execute_script(f"return {condition}"))

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def cell(self, loss, backend="numpy"):
        return self.one(f"#panels tr[data-loss='{loss}'] button[aria-label*=' on {backend}:']")

    def open(self, loss):
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", self.cell(loss))
        self.cell(loss).click()
        return self.one("#detail")

    def losses(self):
        return [row.get_attribute("data-loss") for row in self.all("#panels tbody tr") if row.is_displayed()]

    def choose(self, control, value):
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
        self.run(script, self.one(f"#{control}"), value)

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def focused(self):
        return self.driver.switch_to.active_element


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, report in (("whole", whole()), ("held", holding())):
        (folder / f"{name}.html").write_text(to_html(report), encoding="utf-8")
    (folder / "badge.svg").write_text(to_badge(failing()), encoding="utf-8")
    return folder


@pytest.fixture(params=SIZES)
def page(browser, files, request):
    return Page(browser, files / "whole.html", request.param)


@pytest.fixture
def desktop(browser, files):
    return Page(browser, files / "whole.html")


# ------------------------------------------------------------------------- without a browser


def test_the_page_names_nothing_outside_itself():
    text = to_html(whole())
    assert "default-src 'none'" in text
    for attribute in ("src=", "href=", "url(", "@import"):
        for use in re.findall(rf"{re.escape(attribute)}[\"']?([^\"')>\s]*)", text):
            # The second is what a case's exception says, as text.
            assert use.startswith("#") or (use == "x" and "&lt;img src=x" in text), (attribute, use)


def test_what_a_framework_printed_is_text_and_not_markup():
    text = to_html(whole())
    assert "<img" not in text and "&lt;/script&gt;&lt;img src=x" in text
    assert text.count("</script>") == 2


# ---------------------------------------------------------------------------- in a browser


def test_the_page_fits_the_window_and_asks_for_nothing(page):
    wide, shown = page.run(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == shown <= SIZES[page.size][0] == page.run("return innerWidth")
    assert page.driver.get_log("browser") == []
    sent = [entry["message"] for entry in page.driver.get_log("performance")]
    requests = [m for m in sent if '"Network.requestWillBeSent"' in m and '"type":"Document"' not in m]
    assert requests == []
    assert "2 of 6 cells fall short" in page.one("h1").text


def test_the_map_shows_each_cell_and_failures_without_colour(page):
    assert len(page.all("#panels button.c")) == 6
    marks = {
        loss: page.run("return getComputedStyle(arguments[0], '::before').content", page.cell(loss))
        for loss in (LOGITS, L1, HUBER)
    }
    assert marks == {LOGITS: '"✕"', L1: '"!"', HUBER: "none"}
    shades = page.run(
        "return [...document.querySelectorAll('.ramp i')].map((i) => getComputedStyle(i).backgroundColor)"
    )
    assert len(set(shades)) == 9
    width, height = (page.cell(HUBER).size[side] for side in ("width", "height"))
    # Fingers need more room than a pointer.
    assert (width, height) >= ((24, 24) if page.size == "phone" else (18, 15))


def test_a_cell_that_failed_opens_its_worst_case(page):
    detail = page.open(LOGITS)
    assert detail.is_displayed() and LOGITS in detail.text
    report = failing()
    worst = next(cell["worst"] for cell in report["cells"] if cell["loss"] == LOGITS)
    check = worst["checks"][0]
    for part in (
        "failed", "expected", str(check["expected_there"]), "got", str(check["got_there"]), worst["case"],
        worst["source"], check["reason"], f"{worst['inputs'][0]['name']} = ", "import unified_loss as ul",
    ):  # fmt: skip
        assert part in detail.text, part
    assert page.one("#detail svg.gauge").get_attribute("aria-label") == "error 1e-3, allowed 1e-9"
    box = page.run("const b = arguments[0].getBoundingClientRect(); return [b.left, b.right]", detail)
    assert box[0] >= 0 and box[1] <= SIZES[page.size][0]


def test_a_cell_that_holds_opens_its_worst_case_too(page):
    detail = page.open(HUBER)
    assert "holds" in detail.text and "WORST: " in detail.text.upper() and "y_true = " in detail.text
    assert "AGAINST THE ORACLE" in detail.text.upper() and "float64" in detail.text


def test_what_died_or_raised_says_so_as_text(page):
    detail = page.open(L1)
    assert CRASHES in detail.text and "SIGSEGV" in detail.text
    page.run("document.querySelectorAll('#detail details').forEach((d) => { d.open = true; })")
    assert RAISES in detail.text and "<img src=x onerror=alert(1)> & <b>bold</b>" in detail.text
    assert not page.all("img")


def test_the_snippet_is_copied_and_runs(desktop):
    desktop.driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    desktop.open(LOGITS)
    desktop.one("#detail .code button").click()
    desktop.wait("document.querySelector('#detail .code button').textContent === 'Copied'")
    copied = desktop.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    report = failing()
    worst = next(cell["worst"] for cell in report["cells"] if cell["loss"] == LOGITS)
    assert copied == worst["reproduce"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(copied, {})
    # This process's log1p is right, so what it prints is what was expected.
    assert f"{worst['checks'][0]['expected_there']:.4f}"[:5] in printed.getvalue()


def test_the_keyboard_goes_everywhere(desktop):
    from selenium.webdriver.common.keys import Keys

    first = desktop.one("#panels button[tabindex='0']")
    assert len(desktop.all("#panels button[tabindex='0']")) == 1
    desktop.run("arguments[0].focus()", first)
    desktop.press(Keys.ARROW_DOWN)
    second = desktop.focused
    assert second != first and "on numpy" in second.get_attribute("aria-label")
    assert desktop.one("#tip").text == second.get_attribute("aria-label")
    assert len(desktop.all("#panels button[tabindex='0']")) == 1
    desktop.press(Keys.ENTER)
    assert desktop.one("#detail").is_displayed() and desktop.focused.get_attribute("id") == "detail-title"
    desktop.press(Keys.ESCAPE)
    assert not desktop.one("#detail").is_displayed() and desktop.focused == second
    desktop.press(Keys.ARROW_UP)
    assert desktop.focused == first


def test_search_and_filters(page):
    everything = set(page.losses())
    assert len(everything) == 6
    page.choose("search", "BCE with")
    assert page.losses() == [LOGITS] and page.one("#count").text.startswith("1 of 6 losses")
    page.choose("search", "nothing like it")
    assert page.losses() == [] and page.one("#none").is_displayed()
    page.one("#reset").click()
    assert set(page.losses()) == everything
    page.choose("dialect", "keras")
    assert page.losses() == [HUBER]
    page.one("#reset").click()
    page.choose("status", "short")
    assert set(page.losses()) == {LOGITS, L1}
    page.choose("status", "crashed")
    assert page.losses() == [L1]
    page.one("#reset").click()
    page.choose("backend", "numpy")
    assert set(page.losses()) == everything


def test_a_square_of_the_overview_filters_the_map(page):
    square = page.one("button.sum[data-dialect='mxnet']")
    assert square.text.replace("\n", "") == "0/1"
    square.click()
    assert page.losses() == [L1]


def test_the_map_can_be_coloured_by_another_measure(desktop):
    def looks():
        return [cell.get_attribute("class") for cell in desktop.all("#panels button.c")]

    before = looks()
    desktop.choose("measure", "error")
    assert looks() != before and "1e-15" in desktop.one("#legend").text
    desktop.choose("measure", "oracle")
    assert "absent" in desktop.cell("optax.losses.l2_loss").get_attribute("class")
    assert "q3" in desktop.cell(HUBER).get_attribute("class")


def test_the_mode_can_be_chosen(browser, tmp_path):
    report = holding()
    broken = next(r for r in failing()["results"] if r["loss"] == LOGITS and r["status"] == "failed")
    report["results"].append({**broken, "mode": "compiled"})
    file = tmp_path / "modes.html"
    file.write_text(to_html(report), encoding="utf-8")
    page = Page(browser, file)
    assert "failed" not in page.cell(LOGITS).get_attribute("class")
    page.choose("mode", "compiled")
    assert "failed" in page.cell(LOGITS).get_attribute("class")
    assert "absent" in page.cell(L1).get_attribute("class")


def test_the_plot_ranks_natives_and_ours(page):
    dots = page.all("#plot circle")
    assert len(dots) == 6
    names = [text.text for text in page.all("#plot text.label")]
    assert names == [HUBER, LOGITS, L1]
    titles = [title.get_attribute("textContent") for title in page.all("#plot title")]
    assert titles[0] == f"{HUBER} on torch: native ∞, ours 1.2 ulps"
    lefts = page.run(
        "return [...document.querySelectorAll('#plot circle')].map((c) => Number(c.getAttribute('cx')))"
    )
    native, ours = lefts[::2], lefts[1::2]
    assert native == sorted(native, reverse=True) and all(n > o for n, o in zip(native, ours, strict=True))
    page.choose("plot-backend", "numpy")
    assert len(page.all("#plot circle")) == 3


def test_the_further_sections_are_there(page):
    for section, parts in {
        "changes": ("regressions", "broken", CRASHES),
        "drift": ("1 same", "1 drifted", "Documentation that its framework contradicts"),
        "mutants": ("caught 1 of the 2", "op log1p: <off> by 1e-3", "1 equivalent"),
        "findings": ("torch", "mindspore", "keras")[:1],
        "environment": ("numpy", "CPython", "cores"),
    }.items():
        text = page.one(f"#{section}").text
        for part in parts:
            assert part in text, (section, part)
        assert page.one(f".top nav a[href='#{section}']")


def test_a_section_that_is_empty_is_not_there(browser, files):
    page = Page(browser, files / "held.html")
    assert "All 6 cells hold" in page.one("h1").text
    for section in ("changes", "accuracy", "mutants"):
        assert not page.all(f"#{section}") and not page.all(f"a[href='#{section}']")


def test_an_address_leads_to_a_cell(browser, files):
    page = Page(browser, f"{(files / 'whole.html').as_uri()}#{L1}%40numpy")
    assert CRASHES in page.one("#detail").text
    assert page.run("return location.hash") == f"#{L1}%40numpy"
    page.run("location.hash = arguments[0]", f"{HUBER}@numpy")
    page.wait("document.querySelector('#detail-title').textContent.startsWith('keras')")


def luminance(page, selector):
    colour = page.run("return getComputedStyle(document.querySelector(arguments[0])).color", selector)
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3]))


def test_light_and_dark(desktop):
    light = luminance(desktop, "body")
    desktop.prefer("dark")
    dark = luminance(desktop, "body")
    assert light < 200 < dark
    desktop.one("#theme").click()
    assert luminance(desktop, "body") == light
    desktop.one("#theme").click()
    assert luminance(desktop, "body") == dark


def test_the_texts_of_the_badge_have_the_room_that_they_need(browser, files):
    browser.get((files / "badge.svg").as_uri())
    widths = browser.execute_script(
        "return [...document.querySelectorAll('text')].map((t) => {"
        " const given = t.getComputedTextLength(), box = t.getBBox();"
        " t.removeAttribute('textLength');"
        " return [given, t.getComputedTextLength(), box.x, box.x + box.width]; })"
    )
    total = browser.execute_script("return document.documentElement.width.baseVal.value")
    for given, natural, left, right in widths:
        # Other fonts than Verdana are a little wider or narrower.
        assert given == pytest.approx(natural, rel=0.12)
        assert left >= 4 and right <= total - 4
