// What Samdrift's pages gain from scripts. Every page works without this file.
(function () {
  "use strict";

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

  // ---- lists by keyboard: j and k move, Enter opens, x marks, e does the row's first action, / searches
  const rows = () => Array.from(document.querySelectorAll("[data-rows] [data-row]"));
  let current = null;

  function setCurrent(row) {
    rows().forEach((other) => other.removeAttribute("data-current"));
    if (!row) return;
    row.setAttribute("data-current", "");
    current = row.dataset.row;
    const link = row.querySelector("a.open, summary");
    if (link) link.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.row === current);
    setCurrent(all[Math.max(0, Math.min(all.length - 1, at + step))]);
  }

  const currentRow = () => rows().find((row) => row.dataset.row === current);

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    x: () => {
      const box = currentRow() && currentRow().querySelector("input[type=checkbox]");
      if (box) box.click();
    },
    e: () => {
      const action = (currentRow() || document).querySelector("[data-key=e]");
      if (action) action.click();
    },
    "/": () => {
      const field = document.querySelector("[data-key='/']");
      if (field) { field.focus(); field.select(); }
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  // A fragment that was fetched anew keeps the row the reader stood on.
  document.addEventListener("htmx:afterSwap", () => {
    const row = currentRow();
    if (row) row.setAttribute("data-current", "");
  });

  // htmx sends the token of the page, which is in a meta element because the cookie is not readable by scripts.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("meta[name=csrf-token]");
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });

  // A list is not replaced while somebody marks rows in it or reads an opened line.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const polled = event.target.closest("[data-live]");
    if (polled && polled.querySelector("input:checked, [popover]:popover-open")) event.preventDefault();
  });

  // ---- field names are completed in the query line: Tab takes the one that is offered
  document.querySelectorAll("input[data-completes]").forEach((line) => {
    const names = (line.dataset.completes || "").split(" ").filter(Boolean);
    const hint = document.getElementById(line.dataset.offers);
    const offered = () => {
      const word = line.value.slice(0, line.selectionStart).match(/(?:^|[\s(])([A-Za-z_]{2,})$/);
      return word ? names.filter((name) => name.startsWith(word[1]) && name !== word[1]) : [];
    };
    line.addEventListener("input", () => {
      hint.textContent = offered().slice(0, 6).map((name) => name + ":").join("  ");
    });
    line.addEventListener("keydown", (event) => {
      const [first] = offered();
      if (event.key !== "Tab" || event.shiftKey || !first) return;
      event.preventDefault();
      const at = line.selectionStart;
      const start = line.value.slice(0, at).search(/[A-Za-z_]+$/);
      line.setRangeText(first + ":", start, at, "end");
      hint.textContent = "";
    });
  });

  // ---- filters send themselves
  document.addEventListener("change", (event) => {
    if (event.target.matches("form[data-sends] select")) event.target.form.requestSubmit();
  });

  // ---- a range dragged on the histogram becomes the search's time range
  document.querySelectorAll("svg[data-since]").forEach((chart) => {
    const form = document.getElementById(chart.dataset.form);
    if (!form) return;
    const since = Number(chart.dataset.since), until = Number(chart.dataset.until);
    const left = Number(chart.dataset.left), width = Number(chart.dataset.width);
    const box = chart.querySelector(".drag");
    let from = null;

    const at = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
      return Math.max(left, Math.min(left + width, point.x));
    };
    const draw = (a, b) => {
      box.setAttribute("x", Math.min(a, b));
      box.setAttribute("width", Math.abs(b - a));
    };
    const local = (x) => {
      const when = new Date(since + ((x - left) / width) * (until - since));
      const parts = new Intl.DateTimeFormat("sv-SE", {
        timeZone: "Europe/Copenhagen", year: "numeric", month: "2-digit", day: "2-digit",
        hour: "2-digit", minute: "2-digit", second: "2-digit",
      }).format(when);
      return parts.replace(" ", "T");
    };

    chart.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button !== 0) return;
      from = at(event);
    });
    chart.addEventListener("pointermove", (event) => {
      if (from !== null) draw(from, at(event));
    });
    chart.addEventListener("dragstart", (event) => event.preventDefault());
    window.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const start = from, end = at(event);
      from = null;
      if (Math.abs(end - start) < 4) return draw(0, 0);
      chart.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
      form.elements.since.value = local(Math.min(start, end));
      form.elements.until.value = local(Math.max(start, end));
      if (form.elements.range) form.elements.range.value = "own";
      form.requestSubmit();
    });
  });
})();
