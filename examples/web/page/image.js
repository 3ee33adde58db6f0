// From a drawing to the 8 × 8 pixels the network reads, as the digits it learns from were made: sheared until the left edge
// of the top is above the left edge of the bottom, scaled to 20 × 32, with a pen that inks 30 % of 32 × 32 places; then
// counted in blocks of 4 × 4.

export const SIDE = 8;
const PLACES = 32;
const WIDTH = 20;
const INK = 312;

/// The pixels from 0 to 1, row by row, of strokes: lists of points [x, y], the unit being the side of the drawing area.
export function imageOf(strokes) {
  if (strokes.length === 0) return new Array(SIDE * SIDE).fill(0);
  const path = upright(strokes.map(thinned));
  let pen = 5, distances;
  // The pen's width depends on the length of the path, and that on the room that the pen leaves.
  for (let round = 0; round < 3; round++) {
    distances = distancesTo(scaled(path, pen));
    pen = 2 * Math.sqrt([...distances].sort((a, b) => a - b)[INK - 1]);
  }
  return blockCounts(distances.map((d) => (d <= (pen / 2) ** 2 ? 1 : 0)));
}

/// Without points closer than two hundredths to the one before.
function thinned(stroke) {
  const points = [stroke[0]];
  for (const point of stroke) {
    const [x, y] = points.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) > 0.02) points.push(point);
  }
  return points;
}

function box(path) {
  const xs = path.flat().map((p) => p[0]), ys = path.flat().map((p) => p[1]);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  return { left, top, bottom, width: right - left, height: bottom - top };
}

/// Sheared so that the leftmost points of the top tenth and of the bottom tenth have the same x.
function upright(path) {
  const { top, bottom, width, height } = box(path);
  if (height < width / 3) return path;
  const leftmost = (isThere) => Math.min(...path.flat().filter(isThere).map((p) => p[0]));
  const atTop = leftmost((p) => p[1] <= top + height / 10);
  const atBottom = leftmost((p) => p[1] >= bottom - height / 10);
  const slope = Math.max(-1, Math.min(1, (atTop - atBottom) / height));
  return path.map((stroke) => stroke.map(([x, y]) => [x + slope * (y - top), y]));
}

/// In the middle of the places, with half a pen of room around. What is nearly a line is not spread.
function scaled(path, pen) {
  const { left, top, width, height } = box(path);
  const high = Math.max(height, width / 4, 0.1);
  const [scaleX, scaleY] = [(WIDTH - pen) / Math.max(width, 0.35 * high), (PLACES - pen) / high];
  const middle = PLACES / 2;
  return path.map((stroke) =>
    stroke.map(([x, y]) => [
      middle + scaleX * (x - left - width / 2),
      middle + scaleY * (y - top - height / 2),
    ]));
}

/// The squared distance of each place from the path.
function distancesTo(path) {
  const distances = new Float64Array(PLACES * PLACES).fill(Infinity);
  for (const stroke of path) {
    for (let i = 0; i < Math.max(1, stroke.length - 1); i++) {
      const [x0, y0] = stroke[i], [x1, y1] = stroke[i + 1] ?? stroke[i];
      const [dx, dy] = [x1 - x0, y1 - y0], length = dx * dx + dy * dy || 1;
      for (let place = 0; place < distances.length; place++) {
        const x = (place % PLACES) + 0.5 - x0, y = Math.floor(place / PLACES) + 0.5 - y0;
        const along = Math.max(0, Math.min(1, (x * dx + y * dy) / length));
        distances[place] = Math.min(distances[place], (x - along * dx) ** 2 + (y - along * dy) ** 2);
      }
    }
  }
  return distances;
}

/// How much of each block of 4 × 4 places has ink.
function blockCounts(places) {
  const image = new Array(SIDE * SIDE).fill(0), block = PLACES / SIDE;
  places.forEach((ink, place) => {
    const [x, y] = [place % PLACES, Math.floor(place / PLACES)];
    image[SIDE * Math.floor(y / block) + Math.floor(x / block)] += ink / (block * block);
  });
  return image;
}
