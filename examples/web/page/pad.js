// The drawing area: strokes by mouse, touch, pen or the arrow keys; or a digit of 8 × 8 pixels that is shown there.

import { begin, colour, drawDigit } from "./canvas.js";
import { imageOf } from "./image.js";

const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  Home: [-1, -1], PageUp: [1, -1], End: [-1, 1], PageDown: [1, 1],
};
/// Moves of the arrow keys from one side to the other.
const MOVES_ACROSS = 10;

export class Pad {
  /// `changed` is called after each change, `say` with what the keys have done.
  constructor(canvas, changed, say) {
    Object.assign(this, { canvas, changed, say });
    this.pen = [0.3, 0.2];
    this.isDown = false;
    this.clear();
    this.listenToPointer();
    this.listenToKeys();
  }

  clear() {
    this.show(null);
  }

  /// Shows a digit, `{ image, label }`, or nothing, and begins anew.
  show(digit) {
    this.shown = digit;
    this.strokes = [];
    this.isDown = false;
    this.update();
  }

  get isEmpty() {
    return this.shown === null && this.strokes.length === 0;
  }

  update() {
    this.image = this.shown?.image ?? imageOf(this.strokes);
    this.draw();
    this.changed();
  }

  startStroke(point) {
    if (this.shown) this.clear();
    this.strokes.push([point]);
  }

  listenToPointer() {
    const { canvas } = this;
    const point = (event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      return [(event.clientX - left) / width, (event.clientY - top) / height];
    };
    let pointer = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (pointer !== null || event.button !== 0) return;
      pointer = event.pointerId;
      // So that a stroke goes on where the pointer leaves the area.
      canvas.setPointerCapture(pointer);
      this.isDown = false;
      this.byKeys = false;
      this.startStroke(point(event));
      this.update();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const events = event.getCoalescedEvents?.() ?? [];
      this.strokes.at(-1)?.push(...(events.length ? events : [event]).map(point));
      this.update();
    });
    const end = (event) => {
      if (event.pointerId === pointer) pointer = null;
    };
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(name, end);
  }

  listenToKeys() {
    this.canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const move = MOVES[event.key];
      if (move) this.movePen(move);
      else if (event.key === " " || event.key === "Enter") this.togglePen();
      else if (event.key === "Backspace" || event.key === "Delete") this.clear();
      else return;
      this.byKeys = true;
      this.draw();
      event.preventDefault();
    });
    this.canvas.addEventListener("focus", () => this.draw());
    this.canvas.addEventListener("blur", () => this.draw());
  }

  movePen([right, down]) {
    const inside = (value) => Math.max(0.1, Math.min(0.9, value));
    this.pen = [inside(this.pen[0] + right / MOVES_ACROSS), inside(this.pen[1] + down / MOVES_ACROSS)];
    if (!this.isDown) return;
    this.strokes.at(-1).push(this.pen);
    this.update();
  }

  togglePen() {
    if (this.isDown) {
      this.isDown = false;
    } else {
      this.startStroke(this.pen);
      this.isDown = true;
      this.update();
    }
    this.say(this.isDown ? "The pen is down: arrows draw." : "The pen is lifted: arrows move it.");
  }

  draw() {
    if (this.shown) {
      drawDigit(this.canvas, this.shown.image);
      return;
    }
    const { context, width } = begin(this.canvas);
    if (this.isEmpty) {
      context.fillStyle = colour("soft");
      context.font = `16px ${getComputedStyle(document.body).fontFamily}`;
      context.textAlign = "center";
      context.fillText("Draw a digit here", width / 2, width / 2);
    }
    context.strokeStyle = context.fillStyle = colour("text");
    [context.lineWidth, context.lineCap, context.lineJoin] = [width / 16, "round", "round"];
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0].map((value) => value * width));
      // A line to where it begins makes a point of a single touch.
      for (const [x, y] of [stroke[0], ...stroke]) context.lineTo(x * width, y * width);
      context.stroke();
    }
    if (this.byKeys && document.activeElement === this.canvas) this.drawPen(context, width);
  }

  drawPen(context, width) {
    const [x, y] = this.pen;
    context.beginPath();
    context.arc(x * width, y * width, width / 24, 0, 2 * Math.PI);
    [context.lineWidth, context.strokeStyle, context.fillStyle] = [3, colour("orange"), colour("orange")];
    if (this.isDown) context.fill();
    context.stroke();
  }
}
