"""What axe finds on a page: faults that keep people with a screen reader, a keyboard or weak eyes out."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from make import chromium

_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
LOOKS = (("light", 1280, 900), ("dark", 375, 800))


def faults(addresses):
    """Every fault of pages, light on a desk and dark on a phone: list of texts.

    Args:
        addresses: of pages, each ``file://`` or ``http://``.
    """
    out, axe = [], Axe()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        for scheme, width, height in LOOKS:
            size = {"width": width, "height": height}
            page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
            for address in addresses:
                page.goto(address)
                page.wait_for_load_state("load")
                page.evaluate("new Promise(done => setTimeout(done, 200))")
                where = f"{address} ({scheme}, {width} px)"
                if page.evaluate(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                ):
                    out.append(f"{where}: wider than the window")
                for fault in axe.run(page).response["violations"]:
                    nodes = "; ".join(node["html"][:120] for node in fault["nodes"][:3])
                    out.append(f"{where}: {fault['id']}: {nodes}")
        browser.close()
    return out
