// Tables: search in all of them, copy one as CSV; and what is folded opens for paper and for links.
const tables = [...document.querySelectorAll("details.numbers")];

// As jaxpix writes its CSV files: no cell runs in a spreadsheet.
function quoted(text) {
  const isNumber = /^[+-][\d.,]+$/.test(text);
  const safe = /^[=+\-@\t\r]/.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
const csv = (table) => [...table.rows].map((row) =>
  [...row.cells].map((cell) => quoted(cell.textContent)).join(",")).join("\r\n") + "\r\n";

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Some browsers keep the clipboard from pages that are files.
    const area = make("textarea", "offscreen");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

for (const one of tables) {
  const button = make("button", "copy", "Copy as CSV");
  button.type = "button";
  button.addEventListener("click", async () => {
    button.textContent = (await copy(csv(one.querySelector("table")))) ? "Copied" : "Not allowed here";
    setTimeout(() => { button.textContent = "Copy as CSV"; }, 2_000);
  });
  one.querySelector(".scroll").before(button);
}

document.querySelector(".find").hidden = false;
at("find").addEventListener("input", () => {
  const words = at("find").value.trim().toLowerCase();
  let found = 0;
  for (const one of tables) {
    const isNamed = one.querySelector("summary").textContent.toLowerCase().includes(words);
    let rows = 0;
    for (const row of one.querySelectorAll("tbody tr")) {
      const is_found = !words || row.textContent.toLowerCase().includes(words);
      row.hidden = !is_found && !isNamed;
      rows += is_found;
    }
    one.hidden = !(isNamed || rows);
    one.open = Boolean(words) && rows > 0;
    found += !one.hidden;
  }
  at("found-tables").textContent = words ? `${found} of ${tables.length} tables` : "";
});

const follow = () => {
  const target = location.hash.length > 1 && at(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  const inner = target.querySelector("details.fold");
  if (inner) inner.open = true;
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", follow);
follow();

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});
