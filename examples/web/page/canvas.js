// What all pictures need: a canvas as sharp as the screen, the page's colours, images of 8 × 8 pixels.

/// The drawing context of a cleared canvas, in units of CSS pixels, and its size in those.
export function begin(canvas, height = canvas.clientHeight) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/// One of the colours in style.css.
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/// Fills a square with 8 × 8 pixels, `paint(value)` being the colour's components and the opacity of each.
export function pixels(context, image, left, top, size, paint) {
  const small = new ImageData(8, 8);
  image.forEach((value, pixel) => {
    const [[red, green, blue], opacity] = paint(value);
    small.data.set([red, green, blue, 255 * opacity], 4 * pixel);
  });
  SMALL.putImageData(small, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(SMALL.canvas, left, top, size, size);
}

/// An image on its way to a canvas.
const SMALL = Object.assign(document.createElement("canvas"), { width: 8, height: 8 }).getContext("2d");

/// Red, green and blue of a colour in style.css.
export function components(name) {
  const number = parseInt(colour(name).slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/// A digit of 8 × 8 pixels on all of a canvas.
export function drawDigit(canvas, image) {
  const { context, width } = begin(canvas), ink = components("text");
  pixels(context, image, 0, 0, width, (value) => [ink, value]);
}
