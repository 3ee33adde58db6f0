// The curve of the losses, on a logarithmic scale, drawn as far as the training is.

import { begin, colour } from "./canvas.js";

const MOST_POINTS = 600;
const [LEFT, RIGHT, TOP, BOTTOM] = [38, 8, 8, 24];

export class Curve {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
  }

  clear() {
    this.points = [];
    this.every = 1;
    this.added = 0;
  }

  /// Of many points every second one stays, then every fourth, and so on.
  add(point) {
    if (this.added++ % this.every === 0) this.points.push(point);
    this.last = point;
    if (this.points.length > MOST_POINTS) {
      this.points = this.points.filter((_, i) => i % 2 === 0);
      this.every *= 2;
    }
  }

  draw() {
    const points = [...this.points, this.last].filter(Boolean);
    const losses = points.flatMap(({ train, test }) => [train, test]).filter((loss) => loss > 0);
    const epochs = Math.max(5, ...points.map((point) => point.epochs));
    const low = Math.min(-1, Math.floor(Math.log10(Math.min(...losses))));
    const high = Math.log10(Math.max(3, ...losses) * 1.2);
    const { context, width, height } = begin(this.canvas);
    const x = (at) => LEFT + (at / epochs) * (width - LEFT - RIGHT);
    const y = (loss) => TOP + ((high - Math.log10(loss)) / (high - low)) * (height - TOP - BOTTOM);
    drawAxes({ context, width, height, x, y, epochs, low, high });
    for (const [name, colourName] of [["test", "orange"], ["train", "blue"]]) {
      context.strokeStyle = colour(colourName);
      [context.lineWidth, context.lineJoin] = [2, "round"];
      context.beginPath();
      for (const point of points) if (point[name] > 0) context.lineTo(x(point.epochs), y(point[name]));
      context.stroke();
    }
  }
}

function drawAxes({ context, width, height, x, y, epochs, low, high }) {
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const loss of gridLosses(low, high)) {
    const at = Math.round(y(loss)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, at);
    context.lineTo(width - RIGHT, at);
    context.stroke();
    context.fillText(String(Number(loss.toPrecision(1))), LEFT - 6, at);
  }
  context.textBaseline = "alphabetic";
  context.fillText("epochs", width - RIGHT, height - 6);
  context.textAlign = "center";
  const step = niceStep((70 * epochs) / width);
  for (let at = 0; x(at) < width - 70; at += step) context.fillText(at, x(at), height - 6);
}

/// 1 and 3 times the powers of ten between two logarithms.
function gridLosses(low, high) {
  const powers = Array.from({ length: Math.floor(high) - low + 1 }, (_, i) => 10 ** (low + i));
  return powers.flatMap((power) => [power, 3 * power]).filter((loss) => Math.log10(loss) <= high);
}

/// 1, 2 or 5 times a power of ten, about as large as `least` or larger.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
}
