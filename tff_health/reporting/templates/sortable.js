"use strict";
// Tables marked `sortable` sort by a click on a header: ascending, descending, as printed. Without this file they stay as they are.
(() => {
  const FEWEST = 4; // rows that are not seen at a glance
  const MISSING = new Set(["", "\u2013", "none"]);
  const NUMBER = /^[\u2264\u2265<>~]?\s*([+\-\u2212]?)(\d[\d,]*(?:\.\d+)?|\.\d+)(?:e([+\-\u2212]?\d+))?(?=$|[\s%(;:,])/i;
  const letters = new Intl.Collator(document.documentElement.lang || "en");

  // What a cell says before its small print, which holds intervals and notes.
  function words(cell) {
    const kept = [...cell.childNodes].filter((node) => !["SMALL", "BR"].includes(node.nodeName));
    return kept.map((node) => node.textContent).join(" ").replace(/\s+/g, " ").trim();
  }

  function number(text) {
    const found = NUMBER.exec(text);
    if (!found) return null;
    const power = Number((found[3] || "0").replace("\u2212", "-"));
    return (found[1] && found[1] !== "+" ? -1 : 1) * Number(found[2].replaceAll(",", "")) * 10 ** power;
  }

  // A row's cell in a column, where cells before it may span several.
  function cellAt(row, column) {
    let place = 0;
    for (const cell of row.cells) {
      place += cell.colSpan;
      if (column < place) return cell;
    }
    return null;
  }

  function read(row, column) {
    const cell = cellAt(row, column);
    const text = cell ? words(cell) : "";
    const value = cell?.dataset.sort ? Number(cell.dataset.sort) : number(text);
    return { row, text, value, missing: MISSING.has(text.toLowerCase()) };
  }

  // Numbers within words count as numbers: `epsilon 2` before `epsilon 10`, `epsilon 0.15` before `epsilon 0.5`.
  function byWords(one, other) {
    const [ours, theirs] = [one.text, other.text].map((text) => text.split(/(\d[\d,]*(?:\.\d+)?)/));
    for (let place = 0; place < Math.min(ours.length, theirs.length); place += 1) {
      const order =
        place % 2 ? number(ours[place]) - number(theirs[place]) : letters.compare(ours[place], theirs[place]);
      if (order) return order;
    }
    return ours.length - theirs.length;
  }

  function sorted(rows, column, direction) {
    const entries = rows.map((row) => read(row, column));
    const present = entries.filter((entry) => !entry.missing);
    const numeric = present.filter((entry) => entry.value !== null).length * 2 > present.length;
    const isLast = (entry) => entry.missing || (numeric && entry.value === null);
    const order = numeric ? (one, other) => one.value - other.value : byWords;
    const first = entries.filter((entry) => !isLast(entry)).sort((one, other) => direction * order(one, other));
    return [...first, ...entries.filter(isLast)].map((entry) => entry.row); // what is missing stays last both ways
  }

  // Rows move freely only where no cell reaches over several and no group holds some together.
  function isPlain(table) {
    const [head, body] = [table.tHead, table.tBodies[0]];
    if (!head || head.rows.length !== 1 || table.tBodies.length !== 1 || body.rows.length < FEWEST) return false;
    if ([...head.rows[0].cells].some((cell) => cell.colSpan > 1)) return false;
    return ![...head.rows, ...body.rows].some((row) => [...row.cells].some((cell) => cell.rowSpan > 1));
  }

  function prepare(table) {
    const body = table.tBodies[0];
    const printed = [...body.rows];
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[header.getAttribute("aria-sort")];
        const state = next === undefined ? "ascending" : next;
        headers.forEach((one) => one.removeAttribute("aria-sort"));
        if (state) header.setAttribute("aria-sort", state);
        body.append(...(state ? sorted(printed, column, state === "ascending" ? 1 : -1) : printed));
      });
    });
    if (table.caption) {
      const hint = document.createElement("span");
      hint.className = "unseen";
      hint.textContent = " (column headers with buttons sort the rows)";
      table.caption.append(hint);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    [...document.querySelectorAll("table.sortable")].filter(isPlain).forEach(prepare);
  });
})();
