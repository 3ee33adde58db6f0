// The ten digits as somebody draws them: strokes of points, the unit being the side of the drawing area.

/// A part of an ellipse, from one angle to the other, in degrees clockwise from the right.
function arc([x, y], [width, height], from, to) {
  const points = Math.ceil(Math.abs(to - from) / 15);
  return Array.from({ length: points + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / points) * Math.PI) / 180;
    return [x + width * Math.cos(angle), y + height * Math.sin(angle)];
  });
}

export const DIGITS = [
  [arc([0.5, 0.5], [0.22, 0.36], -90, 270)],
  [[[0.38, 0.3], [0.52, 0.12], [0.52, 0.88]]],
  [[...arc([0.5, 0.32], [0.22, 0.2], -160, 30), [0.3, 0.86], [0.74, 0.86]]],
  [[...arc([0.46, 0.3], [0.2, 0.19], -150, 90), ...arc([0.46, 0.68], [0.24, 0.2], -90, 150)]],
  [[[0.58, 0.12], [0.26, 0.6], [0.78, 0.6]], [[0.6, 0.35], [0.6, 0.9]]],
  [[[0.7, 0.14], [0.36, 0.14], [0.33, 0.45], ...arc([0.48, 0.64], [0.22, 0.22], -110, 150)]],
  [[[0.62, 0.12], [0.42, 0.3], [0.32, 0.6], ...arc([0.5, 0.66], [0.18, 0.2], 180, 540)]],
  [[[0.28, 0.15], [0.72, 0.15], [0.44, 0.88]]],
  [[...arc([0.5, 0.32], [0.17, 0.18], 90, -270), ...arc([0.5, 0.69], [0.2, 0.19], -90, 270)]],
  [[...arc([0.5, 0.33], [0.19, 0.2], 0, -360), [0.69, 0.6], ...arc([0.5, 0.7], [0.18, 0.18], 30, 130)]],
];
