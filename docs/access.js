// What the theme leaves out for screen readers and keyboards: names of landmarks, and tables that can be scrolled.
function name() {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  document.querySelectorAll("nav").forEach((nav, number) => {
    const label = document.getElementById(nav.getAttribute("aria-labelledby"))?.textContent.trim();
    if (nav.hasAttribute("aria-labelledby") || !nav.hasAttribute("aria-label")) {
      nav.removeAttribute("aria-labelledby");
      nav.setAttribute("aria-label", `${label || (nav.matches(".md-code__nav") ? "Code block" : "Pages")} ${number + 1}`);
    }
  });
  document.querySelectorAll(".md-typeset table, .md-typeset__scrollwrap, .md-typeset pre").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  });
}
document.addEventListener("DOMContentLoaded", () => setTimeout(name, 0));
window.addEventListener("resize", name);
