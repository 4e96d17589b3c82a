// Keyboard and news. Every page works without this script.
"use strict";
(() => {
  const search = () => document.getElementById("suche");
  const inField = (node) => node && /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName);

  // "/" goes to the search; arrows walk the links of a table, row by row and cell by cell.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    if (event.key === "/" && search()) {
      search().focus();
      event.preventDefault();
      return;
    }
    const table = event.target.closest && event.target.closest("table[data-rows]");
    if (!table) return;
    const row = event.target.closest("tr");
    const cell = event.target.closest("td,th");
    const rows = [...table.tBodies[0].rows];
    const at = rows.indexOf(row);
    const link = (line, column) => {
      const cells = line ? [...line.cells] : [];
      const wanted = cells[Math.min(column, cells.length - 1)];
      return wanted && wanted.querySelector("a");
    };
    const column = cell ? cell.cellIndex : 0;
    const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (!step) return;
    for (let n = 1; n < 1000; n += 1) {
      const line = rows[at + step[0] * n];
      const across = column + step[1] * n;
      if ((step[0] && !line) || across < 0 || (step[1] && across >= row.cells.length)) return;
      const found = link(step[0] ? line : row, across);
      if (found) {
        found.focus();
        event.preventDefault();
        return;
      }
    }
  });

  // News: after each journal entry, fetch the part of the page that shows states and swap it, keeping focus and place.
  const source = document.body.dataset.events;
  const part = document.querySelector("[data-fragment]");
  if (!source || !window.EventSource) return;
  const says = document.getElementById("verbindung");
  let busy = false;
  let again = false;
  const swap = async () => {
    if (!part) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const query = new URLSearchParams(location.search);
      query.set("fragment", "1");
      const answer = await fetch(location.pathname + "?" + query, { credentials: "same-origin" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (answer.ok) {
        const focused = document.activeElement && part.contains(document.activeElement) && document.activeElement.getAttribute("href");
        const place = part.querySelector(".scroll");
        const [top, left] = place ? [place.scrollTop, place.scrollLeft] : [0, 0];
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        // What to do next stands above everything, outside the part.
        const fresh = page.querySelector("section.next");
        const next = document.querySelector("section.next");
        if (fresh) {
          fresh.remove();
          if (next && !next.contains(document.activeElement)) next.replaceWith(fresh);
        }
        part.replaceChildren(...page.body.childNodes);
        const now = part.querySelector(".scroll");
        if (now) {
          now.scrollTop = top;
          now.scrollLeft = left;
        }
        const back = focused && [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused);
        if (back) back.focus({ preventScroll: true });
      }
    } finally {
      busy = false;
      if (again) {
        again = false;
        swap();
      }
    }
  };
  const events = new EventSource(source);
  events.addEventListener("stand", (event) => {
    const stand = document.getElementById("stand");
    if (stand && stand.textContent !== event.data) {
      stand.textContent = event.data;
      swap();
    }
    if (says) says.textContent = "";
  });
  events.addEventListener("error", () => {
    if (says) says.textContent = says.dataset.still;
  });
})();
