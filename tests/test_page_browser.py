"""The page as people use it, in Chromium: by mouse, keyboard, links, and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from page_browser import Browser, running_browser

import numformats as nf

pytestmark = pytest.mark.browser

# As numbers are written.
MINUS = "\N{MINUS SIGN}"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("page")) as browser:
        yield browser


@pytest.fixture(autouse=True)
def _nothing_is_complained_of_or_fetched(browser: Browser) -> Iterator[None]:
    yield
    assert browser.messages == []
    assert {request.split("#")[0] for request in browser.requests} == {browser.address}


def control(page: Any, name: str) -> Any:
    return page.get_by_label(name, exact=True)


def result(page: Any, panel: int = 0) -> str:
    text: str = page.locator(".result").nth(panel).inner_text()
    return text


def code(page: Any, panel: int = 0) -> str:
    pressed = page.locator(".panel").nth(panel).locator(".bits button").all()
    return "".join("1" if bit.get_attribute("aria-pressed") == "true" else "0" for bit in pressed)


def wide(page: Any) -> int:
    """How far the page reaches beyond the window."""
    beyond: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return beyond


def fragment(page: Any) -> str:
    """The link, once it is kept."""
    page.wait_for_timeout(300)
    text: str = page.evaluate("location.hash")
    return text


def test_a_number_typed_is_projected_at_each_key(browser: Browser) -> None:
    with browser.open() as page:
        assert (result(page), code(page)) == ("0.1015625", "00011101")
        control(page, "Number").fill("")
        page.keyboard.type("465")
        assert (result(page), code(page)) == ("NaN", "01111111")
        story = page.locator(".why").inner_text()
        assert "480 is beyond the largest value, 448" in story
        control(page, "Saturation").select_option("finite")
        assert result(page) == "448"
        assert "overflow is" not in page.locator(".why").inner_text()
        control(page, "Number").fill("1/3")
        control(page, "Rounding").select_option("toward_positive")
        assert result(page) == "0.34375"
        assert "Always the neighbour above" in page.locator(".why").inner_text()
        assert "≈ 0.333333333333" in page.locator("#exactly").inner_text()


def test_what_is_no_number_is_refused_with_the_way_out(browser: Browser) -> None:
    with browser.open() as page:
        entry = control(page, "Number")
        for text, words in {
            "0.1.2": "0x1.8p-3",
            "0,1": "decimal point",
            "": "Type a number",
        }.items():
            entry.fill(text)
            assert words in page.locator("#number-fault").inner_text()
            assert entry.get_attribute("aria-invalid") == "true"
            assert page.locator(".result").is_hidden()
        entry.fill("2")
        assert page.locator("#number-fault").inner_text() == ""
        assert result(page) == "2"


@pytest.mark.parametrize("name", ["float32", "takum16", "binary16p1se", "log_takum16", "int8"])
def test_numbers_of_a_million_digits_are_taken(browser: Browser, name: str) -> None:
    with browser.open(f"#x=1&a={name}.nearest_even.none") as page:
        fmt = nf.get_format(name)
        for text in ("1.7e1000000", "-1.7e-1000000", "1/" + "7" * 4000, "9" * 4000):
            control(page, "Number").fill(text)
            expected = nf.exact.project(text, fmt)
            assert int(code(page), 2) == expected, text


def test_neighbours_of_float32_can_be_told_apart(browser: Browser) -> None:
    with browser.open("#x=0.1&a=float32.nearest_even.none") as page:
        pair = page.locator(".pair").inner_text()
        assert "≈ 0.1000000015" in pair
        assert "≈ 0.09999999404" in pair


def test_nan_and_wrapping_are_refused_where_there_is_none(browser: Browser) -> None:
    with browser.open("#x=nan&a=int8.nearest_even.none") as page:
        assert "int8 has no NaN" in page.locator(".panel .fault").inner_text()
        control(page, "Number").fill("200")
        control(page, "Saturation").select_option("wrap")
        assert result(page) == f"{MINUS}56"
        control(page, "Number").fill("inf")
        assert "no low bits" in page.locator(".panel .fault").inner_text()
        control(page, "Format").select_option("float16")
        assert "“wrap” is for integers" in page.locator(".panel .fault").inner_text()


def test_bits_are_flipped_by_mouse_and_keyboard(browser: Browser) -> None:
    with browser.open() as page:
        bits = page.locator(".bits button")
        bits.nth(0).click()
        assert (result(page), code(page)) == (f"{MINUS}0.1015625", "10011101")
        assert control(page, "Number").input_value() == "-0.1015625"
        bits.nth(7).focus()
        page.keyboard.press("Space")
        assert (result(page), code(page)) == (f"{MINUS}0.09375", "10011100")
        # The focus stays on the bit.
        page.keyboard.press("Enter")
        assert code(page) == "10011101"


def test_codes_of_nan_can_all_be_looked_at(browser: Browser) -> None:
    with browser.open("#x=inf&a=float8_e5m2.nearest_even.none") as page:
        assert code(page) == "01111100"
        page.locator(".bits button").nth(7).click()
        assert (result(page), code(page)) == ("NaN", "01111101")
        control(page, "Number").fill("nan")
        control(page, "Number").fill("2")
        control(page, "Number").fill("-nan")
        assert code(page) == "11111110"


@pytest.mark.parametrize("name", ["posit8", "takum16", "hifloat8", "int8", "lns8_3", "nf4_element"])
def test_fields_hold_all_bits_of_every_code(browser: Browser, name: str) -> None:
    with browser.open(f"#x=1&a={name}.nearest_even.none") as page:
        assert page.locator("#link-fault").inner_text() == ""
        width = page.locator(".bits button").count()
        assert width == {"takum16": 16, "nf4_element": 4}.get(name, 8)
        for x in ("1", "-3", "1e-9", "1e9", "0", "0.3"):
            control(page, "Number").fill(x)
            assert page.locator(".bits button").count() == width


STORIES = {
    "#x=0.09765625&a=e4m3fn.nearest_even.none": "A tie: .*0.09765625.* even code: 0.09375",
    "#x=0.375&a=float8_e8m0fnu.nearest_even.none": "neither is even, .* farther from zero: 0.5",
    "#x=300&a=int8.nearest_even.wrap": "300 is beyond .*127. The low 8 bits are kept: 44",
    "#x=460&a=e4m3fn.toward_zero.none": "Always the neighbour closer to zero, however near: 448",
    "#x=1e9&a=posit8.nearest_even.none": "there is none to round to: it becomes 16777216",
    "#x=5e4&a=hifloat8.nearest_even.none": "in whose place infinity stands.* overflow is infinity",
    "#x=1.04&a=lns8_3.nearest_even.none": "1.04427378 .irrational.*halfway between the logarithms",
    "#x=0.1&a=e4m3fn.stochastic_B-4-7.none": "gone 25. With 2 R .* 15 added, 40 reaches 32: away",
    "#x=-inf&a=float8_e5m2.toward_zero.finite": "Infinity is not rounded.*in the range: .57344",
    "#x=-5&a=uint4.nearest_even.none": "5 is below the smallest value, 0",
    "#x=0&a=float8_e8m0fnu.nearest_even.none": "what is below the range becomes NaN",
    "#x=7&a=int8.to_odd.none": "is a value of the format: every mode",
}


@pytest.mark.parametrize("link", STORIES)
def test_the_rule_that_decided_is_said(browser: Browser, link: str) -> None:
    with browser.open(link) as page:
        story = page.locator(".why").inner_text().replace("\n", " ")
        assert re.search(STORIES[link], story), story


def test_the_whole_page_is_used_by_keyboard(browser: Browser) -> None:
    with browser.open() as page:
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    "(() => { const e = document.activeElement;"
                    " return (e.getAttribute('aria-label') ?? e.textContent).trim().slice(0, 40)"
                    " + '|' + getComputedStyle(e).outlineStyle })()"
                )
            )
        names = [one.split("|")[0] for one in reached]
        for wanted in ("Skip to the result", "1/3", "bit 1 from the top, sign", "Zoom in"):
            assert wanted in names
        assert any(name.startswith("Number line of float8_e4m3fn") for name in names)
        # What has the focus is outlined, wherever it is.
        assert all(one.endswith("|solid") for one in reached if one.split("|")[0] in names[:30])


def test_the_number_line_zooms_and_moves(browser: Browser) -> None:
    with browser.open() as page:
        line = page.locator(".line")

        def ends() -> tuple[float, float]:
            words = line.get_attribute("aria-label").split(".  ")[0].split(" The number")[0].split()
            return float(words[-3]), float(words[-1].rstrip("."))

        low, high = ends()
        control(page, "Zoom in").click()
        assert ends()[1] - ends()[0] == pytest.approx((high - low) / 2, rel=1e-3)
        line.focus()
        page.keyboard.press("-")
        page.keyboard.press("ArrowRight")
        moved = ends()
        assert moved[0] > low
        assert moved[1] - moved[0] == pytest.approx(high - low, rel=1e-3)
        box = line.bounding_box()
        page.mouse.move(box["x"] + 300, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 400, box["y"] + 60, steps=4)
        page.mouse.up()
        assert ends()[0] < moved[0]
        assert "view=" in fragment(page)
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(100)
        assert ends()[1] - ends()[0] == pytest.approx((high - low) / 2, rel=1e-3)
        control(page, "Show all values").click()
        assert ends()[0] < -448 < 448 < ends()[1]
        line.focus()
        page.keyboard.press("0")
        assert ends() == (low, high)


def test_the_table_of_values_chooses_one(browser: Browser) -> None:
    with browser.open() as page:
        page.locator("summary").click()
        values = page.locator(".values button")
        values.first.wait_for()
        assert values.count() == 256
        current = page.locator(".values [aria-current=true]")
        assert current.inner_text().split() == ["0x1d", "0.1015625"]
        current.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert code(page) == "00100101"
        control(page, "Format").select_option("bfloat16")
        assert page.locator("summary").is_hidden()


def test_two_formats_stand_side_by_side(browser: Browser) -> None:
    with browser.open("#x=0.3&a=float16.nearest_even.none") as page:
        page.get_by_role("button", name="Compare with a second format").click()
        assert page.locator(".panel").count() == 2
        control(page, "Format").nth(1).select_option("float16")
        control(page, "Rounding").nth(1).select_option("toward_zero")
        assert result(page, 0) != result(page, 1)
        left, right = (page.locator(".panel").nth(i).bounding_box() for i in (0, 1))
        assert left["y"] == right["y"]
        assert left["x"] + left["width"] < right["x"]
        assert page.locator("#errors .curve").count() == 4
        page.get_by_role("button", name="Only the first format").click()
        assert page.locator(".panel").count() == 1


LINKS = [
    "#x=0.1&a=float8_e4m3fn.nearest_even.none",
    "#x=-1%2F3&a=binary8p4se.stochastic_B-5-17.finite&b=int8.to_odd.wrap",
    "#x=0x1.8p-3&a=e3m2_bias3_inf_nan-ieee_flush.nearest_zero.propagate&view=0.5,2&range=0.5,2",
    "#x=nan&a=hifloat8.stochastic_equal-1-1.none&b=log_takum8.toward_negative.none",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_holds_the_state(browser: Browser, link: str) -> None:
    with browser.open(link) as page:
        assert page.locator("#link-fault").inner_text() == ""
        page.get_by_role("button", name="Copy a link to this").click()
        assert fragment(page) == link
        panels = page.locator("#panels").inner_text()
    with browser.open() as page:
        page.evaluate(f"location.hash = {link!r}")
        page.wait_for_timeout(100)
        assert page.locator("#panels").inner_text() == panels


def test_a_link_may_have_an_alias(browser: Browser) -> None:
    with browser.open("#x=0.1&a=E4M3FN") as page:
        assert page.locator("#link-fault").inner_text() == ""
        assert control(page, "Format").input_value() == "float8_e4m3fn"


def test_a_link_that_is_wrong_says_so(browser: Browser) -> None:
    with browser.open("#x=%E0%A4%A&a=e4m3fm.sideways.never&view=a,b&range=1") as page:
        fault = page.locator("#link-fault").inner_text()
        for word in ("e4m3fm", "did you mean e4m3fn", "sideways", "never"):
            assert word in fault
        control(page, "Number").fill("1")
        assert result(page) == "1"
        assert page.locator("#link-fault").inner_text() == ""


def test_formats_are_made_of_parameters(browser: Browser) -> None:
    with browser.open() as page:
        control(page, "Format").select_option("own")
        control(page, "Exponent bits").fill("3")
        control(page, "Exponent bits").press("Tab")
        control(page, "Significand bits").fill("2")
        control(page, "Significand bits").press("Tab")
        control(page, "Number").fill("1.1")
        assert (result(page), code(page)) == ("1", "001100")
        control(page, "NaN").select_option("none")
        assert "nan-" not in fragment(page)
        control(page, "Significand bits").fill("0")
        control(page, "Significand bits").press("Tab")
        control(page, "NaN").select_option("ieee")
        assert "significand bit to tell it" in page.locator(".panel .fault").inner_text()
        control(page, "Format").select_option("IEEE P3109")
        control(page, "Precision P").fill("3")
        control(page, "Precision P").press("Tab")
        assert "binary8p3se" in page.locator(".about h3").inner_text()


def test_the_error_over_a_range_is_drawn(browser: Browser) -> None:
    with browser.open() as page:
        errors = page.locator("#errors svg")
        assert "float8_e4m3fn: relative error up to 100 %" in errors.get_attribute("aria-label")
        control(page, "From").fill("1")
        control(page, "From").press("Tab")
        assert "up to 5.88235 %" in errors.get_attribute("aria-label")
        control(page, "To").fill("0.5")
        control(page, "To").press("Tab")
        assert "range is empty" in page.locator("#errors .fault").inner_text()


def test_what_happens_is_told_to_who_does_not_see(browser: Browser) -> None:
    with browser.open() as page:
        told = page.locator("#told")
        assert told.get_attribute("aria-live") == "polite"
        control(page, "Number").fill("33")
        assert told.inner_text().startswith("float8_e4m3fn: 32, code 0x60. ")
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input, select, button, svg')].filter(e =>"
            " !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim()).length"
        )
        assert unnamed == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "link",
    [
        "#x=0.1&a=float32.nearest_even.none",
        "#x=1e-40&a=takum16.stochastic_A-8-3.none&b=float32.nearest_even.none",
        "#x=0.1&a=e8m23_bias127_inf_nan-ieee.nearest_even.none",
        "#x=12345678901234567890.12345678901234567890&a=binary16p1se.toward_zero.none",
        f"#x={'1' * 300}&a=posit32.nearest_even.none",
    ],
)
def test_a_phone_needs_no_scrolling_to_the_side(browser: Browser, link: str, scheme: str) -> None:
    with browser.open(link, color_scheme=scheme, **PHONE) as page:
        assert wide(page) <= 0
        if page.locator("summary").first.is_visible():
            page.locator("summary").first.click()
            page.locator(".values button").first.wait_for()
            assert wide(page) <= 0


def test_texts_have_contrast_in_light_and_dark(browser: Browser) -> None:
    """At least 4.5 to 1, as WCAG 2.2 1.4.3 asks of text."""
    for scheme in ("light", "dark"):
        with browser.open("#x=465", color_scheme=scheme) as page:
            page.locator("summary").click()
            page.locator(".values button").first.wait_for()
            low = page.evaluate(CONTRASTS)
            assert low == [], scheme


CONTRASTS = """
(() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const c = rgb(getComputedStyle(at).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!text || !e.getClientRects().length || e.closest("svg, script, option")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push([e.className || e.tagName, e.textContent.slice(0, 20), ratio]);
  }
  return low.slice(0, 5);
})()
"""
