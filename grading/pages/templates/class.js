"use strict";
// The headings of the table of submissions become buttons that sort it.
for (const table of document.querySelectorAll("table.submissions")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  headings.forEach((heading, column) => {
    const isText = heading.dataset.sort === "text";
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      // The first click shows what one looks for: names from A, the largest number on top.
      const now = heading.getAttribute("aria-sort");
      const ascending = now ? now === "descending" : isText;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value;
      const compare = (one, other) =>
        isText ? collator.compare(value(one), value(other)) : Number(value(one)) - Number(value(other));
      const rows = [...body.rows].sort((one, other) => (ascending ? 1 : -1) * compare(one, other));
      body.append(...rows);
    });
  });
}
