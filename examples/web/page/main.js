// The page: what the buttons do, and a frame of the training.

import { drawDigit } from "./canvas.js";
import { Curve } from "./curve.js";
import { CLASSES, loadNet } from "./net.js";
import { Pad } from "./pad.js";
import { Bars, Confusion, Taught, drawUnits } from "./views.js";

/// Mini-batches in a frame, as far as they take no longer than so many milliseconds: half an epoch.
const STEPS = 23;
const MILLISECONDS = 12;
/// About the loss of guessing, log 10.
const NOTHING_LEARNT = 2.1;
/// The training pauses after so many epochs.
const EPOCHS = 200;

const get = (id) => document.getElementById(id);
const net = await loadNet().catch((error) => {
  get("problem").hidden = false;
  throw error;
});
const curve = new Curve(get("curve"));
const bars = new Bars(get("bars"));
const confusion = new Confusion(get("confusion"));
const taught = new Taught(get("taught"));
let pad = null;
let isRunning = false;
let nextFrame = 0;
let pauseAt = EPOCHS;
let nextTest = 0;
let nextMistake = 0;

/// Text that screen readers read aloud: only when it changes.
function say(id, text) {
  if (get(id).textContent !== text) get(id).textContent = text;
}

const rate = () => 10 ** Number(get("rate").value);

/// Trains, and shows what has changed.
function train(steps) {
  const begin = performance.now();
  for (let i = 0; i < steps && performance.now() - begin < MILLISECONDS; i++) net.step(rate());
  measure();
}

function measure() {
  net.measure();
  const { epochs, trainLoss, testLoss } = net;
  if (epochs > 3 && !(trainLoss < NOTHING_LEARNT)) {
    say("training-note", "It hardly learns. Reset, and try another learning rate.");
  }
  curve.add({ epochs, train: trainLoss, test: testLoss });
  show();
}

function frame() {
  nextFrame = requestAnimationFrame(frame);
  train(STEPS);
  if (net.epochs < pauseAt) return;
  run(false);
  say("training-note", `Paused after ${EPOCHS} epochs. Train goes on.`);
}

function run(goes) {
  if (goes === isRunning) return;
  isRunning = goes;
  get("train").textContent = goes ? "Pause" : "Train";
  cancelAnimationFrame(nextFrame);
  if (!goes) return;
  pauseAt = net.epochs + EPOCHS;
  say("training-note", "");
  nextFrame = requestAnimationFrame(frame);
}

function reset() {
  run(false);
  say("training-note", "The weights are random numbers now: nothing is learnt yet.");
  net.reset(Number(get("hidden").value));
  curve.clear();
  measure();
}

/// All that depends on the weights.
function show() {
  get("accuracy").textContent = `${(100 * net.accuracy).toFixed(1)} %`;
  get("epochs").textContent = net.epochs < 10 ? net.epochs.toFixed(2) : Math.round(net.epochs);
  get("train-loss").textContent = net.trainLoss.toPrecision(3);
  get("test-loss").textContent = net.testLoss.toPrecision(3);
  get("show-mistake").disabled = net.mistakes.length === 0;
  curve.draw();
  confusion.draw(net.counts);
  taught.draw(net);
  showReading();
}

/// All that depends on the drawing.
function showReading() {
  const { probabilities, activations, digit } = net.read(pad.image);
  bars.draw(pad.isEmpty ? null : probabilities, pad.isEmpty ? null : digit);
  drawUnits(get("units"), net, pad.isEmpty ? activations.map(() => 0) : activations);
  say("verdict", verdict(digit));
}

function verdict(digit) {
  if (pad.isEmpty) return "Waiting for a digit";
  if (!pad.shown) return net.epochs === 0 ? `A guess: ${digit}` : `It reads ${digit}`;
  const { label } = pad.shown;
  return `${label}, read as ${digit}: ${label === digit ? "right" : "wrong"}`;
}

function drawingChanged() {
  // While it is made.
  if (pad === null) return;
  for (const button of get("labels").children) button.disabled = pad.isEmpty || pad.shown !== null;
  say("teach-note", pad.shown
    ? "A test digit stays out of the digits to learn from."
    : "What is your drawing? It joins the digits to learn from, twenty times.");
  drawDigit(get("seen"), pad.image);
  showReading();
}

function teach(label) {
  const { image } = pad;
  if (!net.teach(image, label)) {
    say("teach-note", "No room for more digits.");
    return;
  }
  taught.add(image, label);
  say("teach-note", `Learning that this is ${label}.`);
  run(true);
}

function listen() {
  const onClick = (id, action) => get(id).addEventListener("click", action);
  onClick("train", () => run(!isRunning));
  onClick("step", () => (run(false), train(1)));
  onClick("reset", reset);
  onClick("clear", () => pad.clear());
  onClick("show-test", () => pad.show(net.testDigit(nextTest++ % net.testLength)));
  onClick("show-mistake", () => pad.show(net.testDigit(net.mistakes[nextMistake++ % net.mistakes.length])));
  get("hidden").addEventListener("change", reset);
  get("rate").addEventListener("input", showRate);
  const redraw = () => {
    pad.draw();
    taught.drawImages();
    drawDigit(get("seen"), pad.image);
    show();
  };
  window.addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function showRate() {
  get("rate-value").textContent = rate().toPrecision(1);
  get("rate").setAttribute("aria-valuetext", get("rate-value").textContent);
}

function start() {
  get("test-count").textContent = net.testLength;
  for (let digit = 0; digit < CLASSES; digit++) {
    const button = document.createElement("button");
    button.textContent = digit;
    button.setAttribute("aria-label", `This is ${digit}`);
    button.addEventListener("click", () => teach(digit));
    get("labels").append(button);
  }
  net.reset(Number(get("hidden").value));
  pad = new Pad(get("pad"), drawingChanged, (text) => say("pad-help", text));
  showRate();
  listen();
  reset();
  drawingChanged();
}

start();
