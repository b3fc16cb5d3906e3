// Columns that sort, and a few keys. The page says everything without it.
(() => {
  const all = (root, what) => Array.from(root.querySelectorAll(what));
  for (const table of all(document, "table")) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    if (rows.length < 3) continue;
    const heads = all(table, "thead th");
    heads.forEach((head, at) => {
      // Not a <button>: browsers leave controls out of headers that repeat on printed pages.
      const button = document.createElement("span");
      button.setAttribute("role", "button");
      button.tabIndex = 0;
      button.append(...head.childNodes);
      head.append(button);
      const numeric = head.classList.contains("num");
      button.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        button.click();
      });
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        const first = numeric ? "descending" : "ascending";
        const second = numeric ? "ascending" : "descending";
        const now = was === first ? second : was === second ? null : first;
        if (now) head.setAttribute("aria-sort", now);
        const sign = now === "descending" ? -1 : 1;
        const key = (row) => {
          const cell = row.cells[at];
          if (!numeric) return cell.textContent.trim();
          return cell.dataset.sort === undefined ? null : Number(cell.dataset.sort);
        };
        // Missing numbers and totals stay last; the third press restores the report's order.
        const sorted = now === null ? rows : rows.slice().sort((a, b) => {
          const total = a.classList.contains("total") - b.classList.contains("total");
          if (total) return total;
          const [x, y] = [key(a), key(b)];
          if (x === null || y === null) return (x === null) - (y === null);
          return sign * (numeric ? x - y : x.localeCompare(y));
        });
        body.append(...sorted);
      });
    });
  }
  const keys = document.getElementById("keys");
  keys.hidden = false;
  const stops = all(document, ".sides, .report");
  const at = () => {
    let now = -1;
    stops.forEach((stop, i) => { if (stop.getBoundingClientRect().top < 40) now = i; });
    return now;
  };
  const show = (element) => {
    if (!element) return;
    element.scrollIntoView({ block: "start" });
    if (!element.hasAttribute("tabindex")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const here = stops[Math.max(at(), 0)];
    if (event.key === "?") { keys.open = true; show(keys); }
    else if (event.key === "j") show(stops[Math.min(at() + 1, stops.length - 1)]);
    else if (event.key === "k") show(stops[Math.max(at() - 1, 0)]);
    else if (event.key === "p") show(stops[0]);
    else if (event.key === "t") show(here && here.querySelector(".scroll"));
    else if (event.key === "h") {
      const how = here && here.querySelector("details");
      if (how) { how.open = !how.open; show(how.querySelector("summary")); }
    } else return;
    event.preventDefault();
  });
})();
