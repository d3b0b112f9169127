"""What a reader with a screen reader, a keyboard or weak eyes would miss on a page; looked for by Chromium itself."""

from __future__ import annotations

import itertools
from typing import Any

from test_reporting_browser import CONTRAST

FAULTS = """() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const said = (node) => {
    const by = node.getAttribute('aria-labelledby');
    if (by) return by.split(/\\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
    return (node.getAttribute('aria-label') ?? node.textContent).trim();
  };
  const show = (node) => node.outerHTML.replace(/\\s+/g, ' ').slice(0, 90);
  const faults = [];
  const hold = (nodes, right, what) => {
    for (const one of nodes) if (!right(one)) faults.push(`${what}: ${show(one)}`);
  };
  hold([document.documentElement], (one) => one.lang, 'no language');
  if (!document.title.trim()) faults.push('no title');
  hold(all('img'), (one) => (one.alt ?? '').trim().length > 20, 'a picture without words');
  hold(all('svg'), (one) => said(one), 'a drawing without words');
  const captioned = (one) => one.querySelector('figcaption, .failure')?.textContent.trim();
  hold(all('figure'), captioned, 'a figure without caption');
  hold(all('a, button, summary'), said, 'a control without words');
  hold(all('h1, h2, h3, h4, h5, h6'), (one) => one.textContent.trim(), 'an empty heading');
  hold(all('table'), (one) => one.caption?.textContent.trim() || one.ariaLabel, 'a table without a name');
  hold(all('table'), (one) => one.tHead && one.querySelector('th'), 'a table without headers');
  const scopes = ['col', 'row', 'colgroup', 'rowgroup'];
  hold(all('th'), (one) => scopes.includes(one.scope), 'a header of nothing');
  hold(all('thead th'), (one) => one.textContent.trim(), 'a column without a header');
  hold(all('div[tabindex]'), (one) => one.ariaLabel && one.role, 'a place to stop without a name');
  hold(all('[tabindex]'), (one) => one.tabIndex <= 0, 'an order of its own');
  const target = (one) => document.getElementById(decodeURIComponent(one.hash.slice(1)));
  hold(all('a[href^="#"]'), target, 'a link to nowhere');
  hold(all('[aria-labelledby]'), said, 'a label that is not there');
  hold(all('nav, section'), said, 'a part without a name');
  if (all('main').length !== 1) faults.push('not one main part');
  const ids = all('[id]').map((one) => one.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => faults.push(`an id twice: ${id}`));
  return faults;
}"""


def faults(page: Any) -> list[str]:
    """What is wrong with a page that stands open, one line each; folded parts are opened first.

    Names of pictures, tables, links and parts, headers' scopes, the order of headings, ids, and the contrast of all
    text by WCAG 2.1 AA, for readers who prefer light and for those who prefer dark.
    """
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = list(page.evaluate(FAULTS))
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4,h5,h6'), h => +h.tagName[1])")
    if levels[:1] != [1] or levels.count(1) != 1:
        found.append(f"headings begin {levels[:3]}, with {levels.count(1)} of the first level")
    found += [f"a heading of level {b} under {a}" for a, b in itertools.pairwise(levels) if b > a + 1]
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        found += [f"contrast in {scheme}: {poor}" for poor in page.evaluate(CONTRAST)["poor"]]
    return found
