// Keyboard and news. Every page works without this script.
"use strict";
(() => {
  const search = () => document.getElementById("suche") || document.getElementById("finden");
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

  // News: when something happened, fetch the part of the page that shows states and swap it, keeping focus, place and what
  // was unfolded. Nothing moves or fades. No form stands in the part; should one, it is left alone while it is in use.
  const source = document.body.dataset.events;
  const part = document.querySelector("[data-live]");
  if (!source || !window.EventSource) return;
  const says = document.getElementById("verbindung");
  const say = (words) => {
    if (says && says.textContent !== words) says.textContent = words;
  };
  const isTouched = (field) => {
    if (field === document.activeElement) return true;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((one) => one.selected !== one.defaultSelected);
    return "defaultValue" in field && field.value !== field.defaultValue;
  };
  // Whoever fills something in there, or marks words to copy them, is not disturbed.
  const inUse = () => {
    const marked = window.getSelection();
    if (marked && !marked.isCollapsed && part.contains(marked.anchorNode)) return true;
    return [...part.querySelectorAll("input,textarea,select")].some(isTouched);
  };
  const RETRY_MS = 2000;
  let busy = false;
  let again = false;
  let later = 0;
  const put = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    // What to do next stands above everything, outside the part.
    const fresh = page.querySelector("section.next");
    const next = document.querySelector("section.next");
    const wrapped = page.querySelector("section.next ~ div");
    if (!fresh || !wrapped) return;
    if (next && !next.contains(document.activeElement)) next.replaceWith(fresh);
    const focused = document.activeElement && part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const onSummary = document.activeElement && part.contains(document.activeElement) && document.activeElement.closest("summary");
    const unfolded = onSummary && onSummary.parentElement.id;
    const place = part.querySelector(".scroll");
    const [top, left] = place ? [place.scrollTop, place.scrollLeft] : [0, 0];
    const folds = new Map([...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
    part.replaceChildren(...wrapped.childNodes);
    for (const one of part.querySelectorAll("details[id]")) {
      if (folds.has(one.id)) one.open = folds.get(one.id);
    }
    const now = part.querySelector(".scroll");
    if (now) {
      now.scrollTop = top;
      now.scrollLeft = left;
    }
    const back = focused && [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused);
    const fold = unfolded && document.getElementById(unfolded);
    if (back) back.focus({ preventScroll: true });
    else if (fold) fold.querySelector("summary").focus({ preventScroll: true });
    // The forms below belong to a state that is over: say so, and leave what is typed in them.
    if ((wrapped.dataset.mark || "") !== (part.dataset.mark || "")) say(says ? says.dataset.changed : "");
  };
  const swap = async () => {
    if (!part || document.hidden) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      if (inUse()) {
        clearTimeout(later);
        later = setTimeout(swap, RETRY_MS);
        return;
      }
      const query = new URLSearchParams(location.search);
      query.set("fragment", "1");
      const answer = await fetch(location.pathname + "?" + query, { credentials: "same-origin" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (answer.ok) put(await answer.text());
    } catch {
      say(says ? says.dataset.still : "");
    } finally {
      busy = false;
      if (again) {
        again = false;
        swap();
      }
    }
  };
  // A browser keeps few connections to one place: a page nobody looks at gives its own back.
  let events = null;
  const listen = () => {
    if (events) return;
    events = new EventSource(source);
    events.addEventListener("stand", (event) => {
      const stand = document.getElementById("stand");
      if (says && says.textContent === says.dataset.still) say("");
      if (stand && stand.textContent !== event.data) {
        stand.textContent = event.data;
        swap();
      }
    });
    // Plan, board and clocks are made a moment after the journal.
    events.addEventListener("raeume", () => {
      if (part && part.dataset.live === "raeume") swap();
    });
    events.addEventListener("error", () => say(says ? says.dataset.still : ""));
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      listen();
    } else if (events) {
      events.close();
      events = null;
    }
  });
  if (!document.hidden) listen();
})();
