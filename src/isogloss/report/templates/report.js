
// Convenience only: without this script the page reads the same.
(() => {
  const collator = new Intl.Collator("en", { numeric: true });
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
  };
  const sort = (table, header) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[table.tBodies.length - 1];
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [x, y] = [valueOf(a, header.cellIndex), valueOf(b, header.cellIndex)];
      const order = compare(x, y);
      return x === "" || y === "" || !descending ? order : -order;
    });
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("thead th[data-sortable]").forEach((header) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    });
  });
  document.querySelectorAll("[data-toggles]").forEach((button) => {
    const all = document.querySelectorAll(`#${button.dataset.toggles} details`);
    button.hidden = false;
    button.addEventListener("click", () => {
      const open = ![...all].every((item) => item.open);
      all.forEach((item) => { item.open = open; });
      button.textContent = open ? "Close all" : "Open all";
    });
  });
  // Examples are many pages: they are printed as the reader has opened them.
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((item) => {
      if (!item.closest("#examples-list")) item.open = true;
    });
  });
})();
