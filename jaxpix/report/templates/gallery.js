"use strict";
// Text of users (class names, image ids) reaches the page through textContent and attributes only.
(() => {
  const PAGE = 24;
  const { attacks, items, total } = JSON.parse(document.getElementById("gallery-data").textContent);
  const at = (id) => document.getElementById(id);
  const cards = at("cards"), dialog = at("details");
  let chosen = items, page = 0, shown = 0;

  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const shape = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const count = (number) => number.toLocaleString("en");

  // A picture; `left`, `top` and `side` say which part of the original it is, `painted` which pixels are changed.
  function view(data, part, painted, rings, description) {
    const box = make("span", part.width <= 64 ? "view exact" : "view");
    if (data === null) {
      box.append(make("span", "small", "picture missing"));
      return box;
    }
    const image = make("img");
    image.alt = description;
    image.src = `data:image/webp;base64,${data}`;
    box.append(image);
    const over = shape("svg", { viewBox: `${part.left} ${part.top} ${part.width} ${part.height}`, "aria-hidden": "true" });
    for (const pixel of painted) {
      over.append(shape("rect", {
        x: pixel.x, y: pixel.y, width: 1, height: 1, fill: pixel.colour, "shape-rendering": "crispEdges",
      }));
    }
    for (const pixel of rings) {
      const radius = Math.max(1.6, part.width / 26);
      for (const name of ["ring under", "ring"]) {
        over.append(shape("circle", { class: name, cx: pixel.x + 0.5, cy: pixel.y + 0.5, r: radius }));
      }
    }
    box.append(over);
    return box;
  }
  const whole = (item) => ({ left: 0, top: 0, width: item.width, height: item.height });
  const around = (pixel) => ({ left: pixel.left, top: pixel.top, width: pixel.side, height: pixel.side });

  function closeUp(item, pixel, painted, description) {
    const box = view(pixel.crop, around(pixel), painted, [], description);
    const over = box.querySelector("svg");
    if (over) {
      over.append(shape("rect", {
        class: "ring", x: pixel.x - 0.08, y: pixel.y - 0.08, width: 1.16, height: 1.16,
      }));
    }
    return box;
  }

  function card(item) {
    const attack = attacks[item.attack];
    const entry = make("li"), button = make("button", "card");
    button.type = "button";
    const views = make("span", "views"), insets = make("span", "insets"), labels = make("span", "labels");
    for (const pixel of item.pixels.slice(0, 3)) {
      insets.append(closeUp(item, pixel, item.pixels, `pixel (${pixel.x}, ${pixel.y}) enlarged`));
    }
    views.append(
      view(item.image, whole(item), [], [], "original"),
      view(item.image, whole(item), item.pixels, item.pixels, "adversarial, changed pixel circled"),
      insets,
    );
    labels.append(make("span", "was", item.before_text), make("span", "now", item.after_text));
    const small = make("span", "small", `${item.id} · ${attack.name}`);
    button.append(views, labels, small);
    if (attack.caution) button.append(make("span", "small synthetic", attack.caution));
    button.addEventListener("click", () => open(item));
    entry.append(button);
    return entry;
  }

  function tableOf(heading, columns, rows) {
    const scroll = make("div", "scroll"), table = make("table"), head = make("tr"), body = make("tbody");
    table.append(make("caption", "", heading));
    for (const column of columns) {
      const cell = make("th", "", column);
      cell.scope = "col";
      head.append(cell);
    }
    for (const row of rows) {
      const line = make("tr");
      row.forEach((text, place) => {
        const cell = make(place ? "td" : "th", "", text);
        if (!place) cell.scope = "row";
        line.append(cell);
      });
      body.append(line);
    }
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    scroll.append(table);
    return scroll;
  }

  function pictures(item) {
    const large = make("div", "large");
    const sides = [
      [[], "was", item.before_text, "original"],
      [item.pixels, "now", item.after_text, "adversarial, changed pixel circled"],
    ];
    for (const [painted, name, label, description] of sides) {
      const side = make("div");
      side.append(
        make("p", "small side", painted.length ? "adversarial" : "original"),
        view(item.image, whole(item), painted, painted, description),
        make("p", name, label),
      );
      large.append(side);
    }
    const closer = make("div", "closer");
    for (const pixel of item.pixels) {
      const one = make("div", "pixel"), both = make("div", "both");
      both.append(closeUp(item, pixel, [], "before"), closeUp(item, pixel, item.pixels, "after"));
      one.append(both, make("div", "small", `column ${pixel.x}, row ${pixel.y}: ${pixel.before} → ${pixel.after}`));
      closer.append(one);
    }
    return [large, closer];
  }

  function open(item) {
    shown = chosen.indexOf(item);
    const attack = attacks[item.attack];
    const bar = make("div", "bar"), title = make("h3", "", item.id), buttons = make("div");
    title.id = "details-title";
    const step = (by, name) => {
      const button = make("button", "", name);
      button.type = "button";
      button.disabled = !chosen[shown + by];
      button.addEventListener("click", () => open(chosen[shown + by]));
      return button;
    };
    const close = make("button", "", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    buttons.append(step(-1, "‹"), " ", step(1, "›"), " ", close);
    buttons.children[0].setAttribute("aria-label", "Previous success");
    buttons.children[1].setAttribute("aria-label", "Next success");
    bar.append(title, buttons);
    const percent = (value) => `${(100 * value).toFixed(1)} %`;
    const confidences = attack.classes.map((name, place) => [
      name, percent(item.confidences_before[place]), percent(item.confidences_after[place]),
    ]);
    const hit = item.first_hit === null ? "" : `, the first hit after ${count(item.first_hit)}`;
    dialog.replaceChildren(
      bar,
      ...(attack.caution ? [make("p", "caution", attack.caution)] : []),
      ...pictures(item),
      make("p", "small", `${attack.title}; ${attack.name}; ${item.direction}. ${count(item.queries)} queries in ` +
        `${count(item.generations)} generations after the first${hit}. Verified file: ${item.file}`),
      tableOf("Confidences", ["class", "before", "after"], confidences),
    );
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    close.focus();
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && chosen[shown + by]) open(chosen[shown + by]);
  });

  function draw() {
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE));
    page = Math.min(page, pages - 1);
    const first = page * PAGE, now = chosen.slice(first, first + PAGE);
    cards.replaceChildren(...now.map(card));
    const part = items.length < total ? `; pictures of ${count(items.length)} of ${count(total)} successes are in this page` : "";
    at("count").textContent = now.length
      ? `${count(first + 1)}–${count(first + now.length)} of ${count(chosen.length)} (${count(total)} successes in all${part})`
      : total ? "No success matches." : "No attack succeeded.";
    at("page").textContent = `page ${page + 1} of ${pages}`;
    at("previous").disabled = page === 0;
    at("next").disabled = page === pages - 1;
    document.querySelector(".pager").hidden = pages === 1;
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
    chosen = items.filter((item) =>
      (!attack || String(item.attack) === attack) &&
      (!label || `=${item.before}` === label) &&
      (!pixels || String(attacks[item.attack].num_pixels) === pixels) &&
      (!outcome || outcome === `>${item.direction}` || outcome === `=${item.after}`) &&
      item.id.toLowerCase().includes(words));
    const order = orders[at("by-order").value];
    if (order) chosen.sort(order);
    page = 0;
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
    options(at("by-attack"), [["", "all"], ...attacks.map((attack, place) => [place, `${attack.title}: ${attack.name}`])]);
    options(at("by-class"), [["", "all"], ...counted(items.map((item) => item.before)).map(mark("="))]);
    const pixels = counted(items.map((item) => attacks[item.attack].num_pixels)).sort((one, other) => one[0] - other[0]);
    options(at("by-pixels"), [["", "all"], ...pixels.map(mark(""))]);
    options(at("by-outcome"), [["", "all"]]);
    const groups = [["Direction", ">", "direction"], ["New label", "=", "after"]];
    for (const [name, sign, key] of groups) {
      const group = make("optgroup");
      group.label = name;
      options(group, counted(items.map((item) => item[key])).sort(many).map(mark(sign)));
      at("by-outcome").append(group);
    }
  }

  fill();
  for (const id of ["by-attack", "by-class", "by-pixels", "by-outcome", "by-order"]) at(id).addEventListener("change", choose);
  at("by-id").addEventListener("input", choose);
  const turn = (by) => () => {
    page += by;
    draw();
    at("gallery").scrollIntoView();
  };
  at("previous").addEventListener("click", turn(-1));
  at("next").addEventListener("click", turn(1));
  document.querySelector(".controls").hidden = items.length === 0;
  draw();
})();
