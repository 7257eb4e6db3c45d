// Text of users (class names, image ids) reaches the page through textContent and attributes only.
const at = (id) => document.getElementById(id);
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
function view(data, part, painted, rings, description, mark) {
  const box = make("div", part.width <= 64 ? "view exact" : "view");
  if (data === null) {
    box.append(make("p", "missing", "no picture kept"));
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
  if (mark) box.append(make("span", "mark", mark));
  return box;
}
const whole = (item) => ({ left: 0, top: 0, width: item.width, height: item.height });
const around = (pixel) => ({ left: pixel.left, top: pixel.top, width: pixel.side, height: pixel.side });

function closeUp(item, pixel, painted, description) {
  const box = view(pixel.crop, around(pixel), painted, [], description);
  const over = box.querySelector("svg");
  if (over) {
    over.append(shape("rect", { class: "ring", x: pixel.x - 0.08, y: pixel.y - 0.08, width: 1.16, height: 1.16 }));
  }
  return box;
}

// Puts two pictures that stand side by side on one spot, with a slider between them and a button that blinks.
const BLINK = 650;
function compare(box) {
  const [before, after] = box.querySelectorAll(".view");
  const ring = after.querySelector("circle");
  if (!ring) return;
  const width = after.querySelector("svg").viewBox.baseVal.width;
  const bar = make("div", "slide"), range = make("input"), blink = make("button", "", "Blink");
  const line = make("span", "line");
  range.type = "range";
  range.min = 0;
  range.max = 100;
  range.setAttribute("aria-label", "How much of the original covers the changed image");
  blink.type = "button";
  blink.setAttribute("aria-pressed", "false");
  let timer = 0;
  const show = (value) => {
    range.value = value;
    box.style.setProperty("--cut", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % original, ${100 - range.value} % changed`);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    blink.setAttribute("aria-pressed", "false");
  };
  range.addEventListener("input", () => { stop(); show(range.value); });
  blink.addEventListener("click", () => {
    if (timer) { stop(); return; }
    blink.setAttribute("aria-pressed", "true");
    show(0);
    timer = setInterval(() => (box.isConnected ? show(Number(range.value) > 50 ? 0 : 100) : stop()), BLINK);
  });
  const drag = (event) => {
    const place = before.getBoundingClientRect();
    stop();
    show(Math.round(Math.min(1, Math.max(0, (event.clientX - place.left) / place.width)) * 100));
  };
  box.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".view") || event.button) return;
    event.preventDefault();
    box.setPointerCapture(event.pointerId);
    drag(event);
  });
  box.addEventListener("pointermove", (event) => { if (box.hasPointerCapture(event.pointerId)) drag(event); });
  bar.append(range, blink);
  after.append(line);
  box.append(bar);
  box.classList.add("on");
  // The edge begins beside the changed pixel, so that it is seen at once.
  const left = Math.min(...[...after.querySelectorAll("circle")].map((one) => one.cx.baseVal.value / width));
  show(Math.round(left > 0.55 ? 50 : Math.max(0, 100 * left - 12)));
}

document.querySelectorAll("[data-compare]").forEach(compare);
