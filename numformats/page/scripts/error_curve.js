// The relative error over a range of numbers: in each column of a picture, the largest of some.

const CURVE_HEIGHT = 240;
const PLOT = { left: 52, top: 14, bottom: 34, right: 12 };
const SAMPLES = 6;
// Smaller errors, and none, are drawn at the bottom.
const LEAST_ERROR = 1e-8;
const GOLDEN = 0.6180339887498949;

// Of each column {x, error}: the number in the middle, and the largest error, NaN where the result is
// no number.
function errorColumns(system, modes, [low, high], columns) {
  const isLogarithmic = low > 0;
  const [start, end] = isLogarithmic ? [Math.log2(low), Math.log2(high)] : [low, high];
  return Array.from({ length: columns }, (_, i) => {
    const errors = Array.from({ length: SAMPLES }, (_, k) => {
      const part = (i + ((k * GOLDEN) % 1)) / columns;
      const place = start + (end - start) * part;
      return relativeError(isLogarithmic ? 2 ** place : place, system, modes);
    });
    return { part: (i + 0.5) / columns, error: errors.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a)) };
  });
}

function relativeError(x, system, modes) {
  const value = fromFloat(x);
  if (value.n === 0n) return 0;
  const { result } = project({ value, negative: x < 0 }, system, modes);
  if (typeof result === "number") return NaN;
  return toFloat(divide(magnitude(subtract(result.value, value)), magnitude(value)));
}

function drawCurves(svg, { curves, range, width }) {
  const [low, high] = range;
  const inner = width - PLOT.left - PLOT.right;
  const bottom = CURVE_HEIGHT - PLOT.bottom;
  const smallest = Math.min(...curves.flatMap(({ columns }) => columns.map(({ error }) => (error > 0 ? error : 1))));
  const least = 10 ** Math.floor(Math.log10(Math.max(smallest, LEAST_ERROR)));
  const largest = Math.max(1, ...curves.flatMap(({ columns }) => columns.map(({ error }) => error || 0)));
  const most = 10 ** Math.ceil(Math.log10(Math.min(largest, 1e3)));
  const decades = Math.log10(most / least) || 1;
  const y = (error) => PLOT.top + (Math.log10(most / Math.min(Math.max(error, least), most)) / decades) * (bottom - PLOT.top);
  const x = (part) => PLOT.left + part * inner;
  svg.setAttribute("viewBox", `0 0 ${width} ${CURVE_HEIGHT}`);
  svg.setAttribute("height", CURVE_HEIGHT);
  const grid = [];
  const every = Math.max(1, Math.ceil(decades / 6));
  for (let k = 0; k <= decades + 0.01; k += every) {
    const error = most / 10 ** k;
    grid.push(draw("line", { class: "grid", x1: PLOT.left, x2: width - PLOT.right, y1: y(error), y2: y(error) }));
    grid.push(draw("text", { x: PLOT.left - 8, y: y(error) + 4, "text-anchor": "end" }, errorTick(error)));
  }
  const ticks = rangeTicks(low, high, width).map(([part, text]) =>
    draw("text", { x: x(part), y: CURVE_HEIGHT - 12, "text-anchor": part < 0.04 ? "start" : part > 0.96 ? "end" : "middle" }, text),
  );
  refill(svg, ...grid, ...ticks, ...curves.flatMap((curve) => curveMarks(curve, x, y)));
  svg.setAttribute("aria-label", curves.map(curveLabel).join(" "));
}

function curveMarks({ columns, look }, x, y) {
  let path = "";
  let isOn = false;
  for (const { part, error } of columns) {
    const isNumber = !Number.isNaN(error);
    if (isNumber) path += `${isOn ? "L" : "M"}${x(part).toFixed(1)} ${y(error).toFixed(1)}`;
    isOn = isNumber;
  }
  return [draw("path", { class: `curve ${look}`, d: path })];
}

function errorTick(error) {
  const percent = error * 100;
  return percent >= 0.01 ? `${plainNumber(percent)} %` : error.toExponential(0);
}

function rangeTicks(low, high, width) {
  if (low <= 0) {
    return niceTicks(low, high, Math.max(2, Math.floor(width / 120))).map((tick) => [(tick - low) / (high - low), withMinus(plainNumber(tick))]);
  }
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first) / Math.max(2, Math.floor(width / 90))));
  const ticks = [];
  for (let k = first; k <= last; k += every) {
    ticks.push([(k - Math.log10(low)) / Math.log10(high / low), Math.abs(k) > 5 ? `1e${withMinus(String(k))}` : plainNumber(10 ** k)]);
  }
  return ticks;
}

function curveLabel({ name, columns }) {
  const errors = columns.map(({ error }) => error).filter((error) => !Number.isNaN(error));
  const gaps = errors.length < columns.length ? " Where the result is no number, there is none." : "";
  return `${name}: relative error up to ${errorTick(Math.max(...errors, 0))}.${gaps}`;
}
