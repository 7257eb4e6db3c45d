const FIRST = 8, FURTHER = 24;
const { attacks, items, failures, total, total_failures } = JSON.parse(at("gallery-data").textContent);
const cards = at("cards"), dialog = at("details");
let all = items, chosen = items, visible = FIRST, open_card = 0;

const percent = (value) => `${(100 * value).toFixed(1)} %`;

function card(item) {
  const attack = attacks[item.attack];
  const entry = make("li"), button = make("button", "card");
  button.type = "button";
  if (item.image === null) button.classList.add("bare");
  const picture = view(item.image, whole(item), item.pixels, item.pixels,
    item.success ? "adversarial, changed pixel circled" : "nearest miss, changed pixel circled", attack.mark);
  if (item.image !== null && item.pixels.length) {
    const inset = closeUp(item, item.pixels[0], item.pixels, "the pixel enlarged");
    inset.classList.add("inset");
    // Away from the pixel that it enlarges.
    if (item.pixels[0].x > item.width / 2) inset.classList.add("left");
    picture.append(inset);
  }
  const labels = make("span", "labels");
  if (item.success) {
    labels.append(make("span", "was", item.before_text), make("span", "arrow", "→ "), make("span", "now", item.after_text));
  } else {
    labels.append(make("span", "was", item.before),
      make("span", "", ` ${percent(item.sure_before)} → ${percent(item.sure_after)} sure`));
  }
  button.append(picture, labels, make("span", "small", `${item.id} · ${attack.name}`));
  button.addEventListener("click", () => open(item));
  entry.append(button);
  return entry;
}

function bar(value, name) {
  const cell = make("td"), track = make("span", `bar ${name}`), filled = make("span");
  filled.style.width = `${100 * value}%`;
  track.append(filled);
  cell.append(track, make("span", "number", percent(value)));
  return cell;
}

function confidences(item) {
  const table = make("table", "confidences"), head = make("tr"), body = make("tbody"), top = make("thead");
  const names = attacks[item.attack].classes;
  for (const column of ["class", "before", "after"]) {
    const cell = make("th", "", column);
    cell.scope = "col";
    head.append(cell);
  }
  const order = names.map((_, place) => place).sort((one, other) =>
    Math.max(item.confidences_before[other], item.confidences_after[other]) -
    Math.max(item.confidences_before[one], item.confidences_after[one]));
  for (const place of order) {
    const row = make("tr"), name = make("th", "", names[place]);
    name.scope = "row";
    row.append(name, bar(item.confidences_before[place], "before"), bar(item.confidences_after[place], "after"));
    body.append(row);
  }
  top.append(head);
  table.append(make("caption", "", "Confidences"), top, body);
  return table;
}

function pair(item) {
  const box = make("div", "compare"), mark = attacks[item.attack].mark;
  const sides = [
    [[], "was", item.before_text, "original"],
    [item.pixels, item.success ? "now" : "was", item.after_text, item.success ? "changed" : "nearest miss"],
  ];
  for (const [painted, name, label, description] of sides) {
    const side = make("div", "side"), line = make("p", "label");
    line.append(make("span", "quiet", description), " ", make("strong", name, label));
    side.append(view(item.image, whole(item), painted, painted, `${description}: ${label}`, mark), line);
    box.append(side);
  }
  return box;
}

function enlarged(item) {
  const strip = make("div", "strip");
  for (const pixel of item.image === null ? [] : item.pixels) {
    const one = make("div", "enlarged");
    one.append(closeUp(item, pixel, [], "the pixel enlarged, before"), make("span", "arrow", "→"),
      closeUp(item, pixel, item.pixels, "the pixel enlarged, after"));
    strip.append(one);
  }
  return strip;
}

function facts(item) {
  const attack = attacks[item.attack], list = make("dl", "facts"), pixels = item.pixels.map((pixel) =>
    `column ${pixel.x}, row ${pixel.y}: ${pixel.before} → ${pixel.after}`);
  const told = [
    ["outcome", item.direction],
    ["changed", pixels.join("; ")],
    ["queries", count(item.queries) + (item.first_hit === null ? "" : `, the first hit after ${count(item.first_hit)}`)],
    ["generations", `${count(item.generations)} after the first`],
    ["attack", `${attack.title}; ${attack.name}`],
    ...(item.file ? [["verified file", item.file]] : []),
  ];
  for (const [term, text] of told) {
    const line = make("div");
    line.append(make("dt", "", term), make("dd", "", text));
    list.append(line);
  }
  return list;
}

// The best fitness so far, a step wherever it fell.
function trajectory(item) {
  const figure = make("figure", "trajectory"), caption = make("figcaption", "", "Best fitness so far");
  const steps = item.trajectory, [last, lowest] = steps.at(-1), highest = steps[0][1];
  const left = 46, right = 292, top = 8, bottom = 84;
  const x = (generation) => left + (right - left) * generation / Math.max(1, last);
  const y = (value) => top + (bottom - top) * (highest - value) / (highest - lowest || 1);
  const path = steps.map(([generation, value], place) =>
    (place ? `H${x(generation).toFixed(1)}V` : `M${x(generation).toFixed(1)} `) + y(value).toFixed(1)).join("");
  const told = `${highest} after the first population, ${lowest} after generation ${last}`;
  const drawing = shape("svg", { viewBox: "0 0 300 116", role: "img", "aria-label": `Best fitness so far: ${told}` });
  const text = (words, attributes) => {
    const node = shape("text", attributes);
    node.textContent = words;
    drawing.append(node);
  };
  drawing.append(shape("path", { class: "axes", d: `M${left} ${top}V${bottom}H${right}` }), shape("path", { d: path }));
  for (const value of new Set([highest, lowest])) {
    text(Number(value.toPrecision(3)), { x: left - 4, y: y(value) + 4, "text-anchor": "end" });
  }
  text("0", { x: left, y: bottom + 13, "text-anchor": "middle" });
  text(last, { x: right, y: bottom + 13, "text-anchor": "end" });
  text("generation", { x: (left + right) / 2, y: bottom + 27, "text-anchor": "middle" });
  const middle = (top + bottom) / 2;
  text(`fitness (${attacks[item.attack].fitness})`, {
    x: 9, y: middle, "text-anchor": "middle", transform: `rotate(-90 9 ${middle})`,
  });
  figure.append(caption, drawing);
  return figure;
}

function open(item) {
  open_card = chosen.indexOf(item);
  const head = make("div", "head"), title = make("h3", "", item.id), buttons = make("div", "buttons");
  title.id = "details-title";
  const button = (name, label, act) => {
    const made = make("button", "", name);
    made.type = "button";
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    buttons.append(made);
    return made;
  };
  for (const [by, name, label] of [[-1, "‹", "Previous"], [1, "›", "Next"]]) {
    button(name, label, () => open(chosen[open_card + by])).disabled = !chosen[open_card + by];
  }
  const close = button("Close", "", () => dialog.close());
  head.append(title, buttons);
  const body = make("div", "opened"), shown = make("div", "shown"), words = make("div", "words"), two = pair(item);
  shown.append(two, enlarged(item));
  words.append(confidences(item), ...(item.trajectory.length ? [trajectory(item)] : []), facts(item));
  body.append(shown, words);
  dialog.replaceChildren(head, body);
  compare(two);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  close.focus();
}
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  // The arrows of the slider are its own.
  if (by && event.target.type !== "range" && chosen[open_card + by]) open(chosen[open_card + by]);
});

function draw(kept = 0) {
  const now = chosen.slice(kept, visible);
  if (kept) cards.append(...now.map(card)); else cards.replaceChildren(...now.map(card));
  const shown = Math.min(visible, chosen.length), every = all === items ? total : total_failures;
  const kind = all === items ? "success" : "failure", kinds = all === items ? "successes" : "failures";
  const part = all.length < every ? `; ${count(all.length)} of all ${count(every)} are in this page` : "";
  at("count").textContent = chosen.length
    ? `${count(shown)} of ${count(chosen.length)} ${chosen.length === 1 ? kind : kinds}${part}`
    : every ? `No ${kind} matches.` : all === items ? "No attack succeeded." : "No attack failed.";
  at("more").hidden = shown >= chosen.length;
  document.querySelector(".pager").hidden = false;
}

// Cards without a confidence (a multi-label Normal) come last either way.
const surest = (sign) => (one, other) =>
  one.confidence === null || other.confidence === null
    ? (one.confidence === null) - (other.confidence === null)
    : sign * (other.confidence - one.confidence);
const orders = {
  surest: surest(1),
  least: surest(-1),
  quickest: (one, other) => (one.first_hit ?? one.queries) - (other.first_hit ?? other.queries),
  id: (one, other) => one.id.localeCompare(other.id, "en", { numeric: true }),
};

function choose() {
  const attack = at("by-attack").value, label = at("by-class").value, pixels = at("by-pixels").value;
  const outcome = at("by-outcome").value, words = at("by-id").value.trim().toLowerCase();
  chosen = all.filter((item) =>
    (!attack || String(item.attack) === attack) &&
    (!label || `=${item.before}` === label) &&
    (!pixels || String(attacks[item.attack].num_pixels) === pixels) &&
    (!outcome || outcome === `>${item.direction}` || outcome === `=${item.after}`) &&
    item.id.toLowerCase().includes(words));
  const order = orders[at("by-order").value];
  if (order) chosen.sort(order);
  visible = FIRST;
  draw();
}

function counted(values) {
  const numbers = new Map();
  for (const value of values) numbers.set(value, (numbers.get(value) ?? 0) + 1);
  return [...numbers];
}
function options(select, entries) {
  for (const [value, text] of entries) {
    const option = make("option", "", text);
    option.value = value;
    select.append(option);
  }
}
function fill() {
  const mark = (sign) => ([value, number]) => [`${sign}${value}`, `${value} (${count(number)})`];
  const many = (one, other) => other[1] - one[1];
  for (const id of ["by-attack", "by-class", "by-pixels", "by-outcome"]) {
    at(id).replaceChildren();
    options(at(id), [["", "all"]]);
  }
  options(at("by-attack"), attacks.map((attack, place) => [place, `${attack.short}: ${attack.name}`]));
  options(at("by-class"), counted(all.map((item) => item.before)).map(mark("=")));
  const pixels = counted(all.map((item) => attacks[item.attack].num_pixels)).sort((one, other) => one[0] - other[0]);
  options(at("by-pixels"), pixels.map(mark("")));
  const groups = [["Direction", ">", "direction"], ["Label", "=", "after"]];
  for (const [name, sign, key] of groups) {
    const group = make("optgroup");
    group.label = name;
    options(group, counted(all.map((item) => item[key])).sort(many).map(mark(sign)));
    at("by-outcome").append(group);
  }
}

function half(of) {
  all = of;
  at("show-successes").setAttribute("aria-pressed", String(all === items));
  at("show-failures").setAttribute("aria-pressed", String(all === failures));
  at("about-failures").hidden = all === items;
  fill();
  choose();
}
at("show-successes").querySelector("span").textContent = count(total);
at("show-failures").querySelector("span").textContent = count(total_failures);
at("show-successes").addEventListener("click", () => half(items));
at("show-failures").addEventListener("click", () => half(failures));
for (const id of ["by-attack", "by-class", "by-pixels", "by-outcome", "by-order"]) at(id).addEventListener("change", choose);
at("by-id").addEventListener("input", choose);
at("more").addEventListener("click", () => {
  const kept = visible;
  visible += FURTHER;
  draw(kept);
  cards.children[kept]?.querySelector("button").focus();
});
document.querySelector(".controls").hidden = false;
// Where there is room the filters stand open, and the sentences beside figures.
const roomy = matchMedia("(min-width: 60rem)").matches;
for (const one of document.querySelectorAll(".filters, .figures .sentences")) one.open = roomy;
half(items.length ? items : failures);
