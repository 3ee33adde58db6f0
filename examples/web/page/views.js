// What the page shows of the network: bars, hidden units, the table of mistakes, the digits that were taught.

import { begin, colour, components, drawDigit, pixels } from "./canvas.js";
import { CLASSES } from "./net.js";

const percent = (share) => `${Math.round(100 * share)} %`;

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/// A row for each class: its bar and its probability.
export class Bars {
  constructor(list) {
    this.rows = Array.from({ length: CLASSES }, (_, digit) => {
      const bar = element("div", { className: "bar" }), value = element("span");
      const track = element("div", { className: "track" }, [bar]);
      const row = element("li", {}, [element("span", { textContent: digit }), track, value]);
      list.append(row);
      return { row, bar, value };
    });
  }

  draw(probabilities, most) {
    this.rows.forEach(({ row, bar, value }, digit) => {
      const p = probabilities?.[digit] ?? 0;
      bar.style.transform = `scaleX(${p})`;
      value.textContent = probabilities ? percent(p) : "";
      row.className = digit === most ? "most" : "";
    });
  }
}

/// A picture of each hidden unit's weights, and a bar for its answer to the drawing.
export function drawUnits(canvas, net, activations) {
  const gap = 10, bar = 4, perRow = net.hidden <= 8 ? 4 : net.hidden <= 32 ? 8 : canvas.clientWidth < 400 ? 8 : 12;
  const tile = Math.floor((canvas.clientWidth + gap) / perRow - gap);
  const rows = Math.ceil(net.hidden / perRow), height = rows * (tile + bar + 2 + gap) - gap;
  canvas.style.height = `${height}px`;
  const { context } = begin(canvas, height);
  const units = Array.from({ length: net.hidden }, (_, unit) => net.weights(unit));
  const largest = Math.max(...units.flat().map(Math.abs), 1e-6), loudest = Math.max(...activations, 1e-6);
  const [blue, orange] = ["blue", "orange"].map(components);
  const [paper, text] = ["page", "text"].map(colour);
  units.forEach((weights, unit) => {
    const left = (unit % perRow) * (tile + gap), top = Math.floor(unit / perRow) * (tile + bar + 2 + gap);
    context.fillStyle = paper;
    context.fillRect(left, top, tile, tile);
    // The square root shows the small ones, too.
    pixels(context, weights, left, top, tile, (w) => [w > 0 ? blue : orange, Math.sqrt(Math.abs(w) / largest)]);
    context.fillStyle = text;
    context.fillRect(left, top + tile + 2, tile * (activations[unit] / loudest), bar);
  });
}

/// How many of the test digits of each class (rows) are taken for each class (columns).
export class Confusion {
  constructor(table) {
    const classes = Array.from({ length: CLASSES }, (_, digit) => digit);
    const heading = (text, scope) => element("th", { textContent: text, scope });
    const head = element("tr", {}, [element("td", { className: "corner" }), ...classes.map((c) => heading(c, "col"))]);
    this.cells = classes.map(() => classes.map(() => element("td")));
    const rows = this.cells.map((cells, digit) => element("tr", {}, [heading(digit, "row"), ...cells]));
    table.append(element("thead", {}, [head]), element("tbody", {}, rows));
  }

  draw(counts) {
    this.cells.forEach((cells, is) => {
      const all = counts[is].reduce((a, b) => a + b);
      cells.forEach((cell, taken) => {
        const count = counts[is][taken];
        cell.textContent = count || "";
        const strength = count ? 12 + 45 * (is === taken ? count / all : Math.min(1, (4 * count) / all)) : 0;
        cell.style.background = count
          ? `color-mix(in srgb, var(--${is === taken ? "blue" : "orange"}) ${strength}%, var(--card))` : "";
      });
    });
  }
}

/// The digits that were taught, and how far each is learnt.
export class Taught {
  constructor(list) {
    this.list = list;
    this.digits = [];
  }

  add(image, label) {
    const canvas = element("canvas"), text = element("span");
    const item = element("li", {}, [canvas, text]);
    this.list.append(item);
    this.digits.push({ image, label, canvas, text });
    this.drawImages();
  }

  drawImages() {
    this.digits.forEach(({ canvas, image }) => drawDigit(canvas, image));
  }

  draw(net) {
    for (const { image, label, text } of this.digits) {
      const { probabilities, digit } = net.read(image);
      text.textContent = `${label}: ${percent(probabilities[label])}`;
      text.className = digit === label ? "learnt" : "";
    }
  }
}
