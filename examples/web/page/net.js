// The network and its digits, in WebAssembly: functions of numbers (../src/lib.rs).

export const CLASSES = 10;
export const PIXELS = 64;

/// The module that the page holds as gzip in base64.
export async function loadNet() {
  const text = document.getElementById("wasm").textContent;
  const packed = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
  const bytes = await new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const { instance } = await WebAssembly.instantiate(bytes);
  return new Net(instance.exports);
}

class Net {
  constructor(wasm) {
    this.wasm = wasm;
    this.seed = 0;
    wasm.load();
  }

  /// New start values, and nothing learnt yet.
  reset(hidden) {
    this.wasm.reset(hidden, ++this.seed);
    this.hidden = hidden;
    this.epochs = 0;
    this.measure();
  }

  /// Takes one mini-batch.
  step(rate) {
    this.wasm.step(rate);
    this.epochs += 1 / Math.ceil(this.wasm.train_len() / 32);
  }

  /// Losses, and what the test digits are taken for: counts[what it is][what it is taken for].
  measure() {
    const { wasm } = this;
    this.trainLoss = wasm.train_loss();
    this.testLoss = wasm.test_loss();
    this.counts = Array.from({ length: CLASSES }, () => new Array(CLASSES).fill(0));
    this.mistakes = [];
    for (let digit = 0; digit < this.testLength; digit++) {
      const [is, taken] = [wasm.test_label(digit), wasm.prediction(digit)];
      this.counts[is][taken]++;
      if (is !== taken) this.mistakes.push(digit);
    }
    this.accuracy = 1 - this.mistakes.length / this.testLength;
  }

  get testLength() {
    return this.wasm.test_len();
  }

  testDigit(digit) {
    const image = Array.from({ length: PIXELS }, (_, pixel) => this.wasm.test_pixel(digit, pixel));
    return { image, label: this.wasm.test_label(digit) };
  }

  /// Probabilities of the classes, the answers of the hidden units, and the most likely class.
  read(image) {
    const { wasm } = this;
    image.forEach((value, pixel) => wasm.set_pixel(pixel, value));
    wasm.look();
    const probabilities = Array.from({ length: CLASSES }, (_, c) => wasm.probability(c));
    const activations = Array.from({ length: this.hidden }, (_, unit) => wasm.activation(unit));
    return { probabilities, activations, digit: probabilities.indexOf(Math.max(...probabilities)) };
  }

  /// Adds an image to the digits to learn from. Returns whether there was room.
  teach(image, label) {
    image.forEach((value, pixel) => this.wasm.set_pixel(pixel, value));
    return Boolean(this.wasm.teach(label));
  }

  /// A hidden unit's row of W1.
  weights(unit) {
    return Array.from({ length: PIXELS }, (_, pixel) => this.wasm.weight(unit, pixel));
  }
}
