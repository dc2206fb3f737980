// The relative error over a range of numbers: of single numbers, and the largest of all between the
// same two values.

const CURVE_HEIGHT = 250;
const PLOT = { left: 66, top: 14, bottom: 34, right: 12 };
// Smaller errors, and none, are drawn at the bottom; larger ones than 1000 % at the top.
const LEAST_ERROR = 1e-8;
const MOST_ERROR = 10;
// How near to the ends of an interval its largest error is looked for, as a part of its width.
const NEAR_END = rational(1n, 1n << 20n);

// At the middle of each column {part, single, worst}, NaN where the result is no number.
function errorColumns(system, modes, [low, high], columns) {
  const isLogarithmic = low > 0;
  const [start, end] = isLogarithmic ? [Math.log2(low), Math.log2(high)] : [low, high];
  return Array.from({ length: columns }, (_, i) => {
    const part = (i + 0.5) / columns;
    const place = start + (end - start) * part;
    const x = fromFloat(isLogarithmic ? 2 ** place : place);
    const single = relativeError(x, system, modes);
    return { part, single, worst: Math.max(single, worstBeside(x, system, modes)) };
  });
}

// The largest error of the numbers between the neighbours of a number: it is at one of their ends.
function worstBeside(x, system, modes) {
  const { lower, upper } = intervalOf(x, system);
  if (lower.step === null || lower.step < system.lowest.step || upper.step > system.highest.step) return 0;
  const { exact, near } = system.order.boundary(lower.step);
  const middle = exact ?? fromFloat(near);
  const within = (from, to) => add(from, multiply(subtract(to, from), NEAR_END));
  const probes = [within(lower.value, middle), within(middle, lower.value), within(middle, upper.value), within(upper.value, middle)];
  return Math.max(...probes.map((probe) => relativeError(probe, system, modes) || 0));
}

// The neighbours of a number; of a value, this and the next one.
function intervalOf(x, system) {
  const near = neighboursOf(x, system);
  if (!near.areOne || near.lower.step === null || near.lower.step >= system.highest.step) return near;
  return { lower: near.lower, upper: system.place(system.order.beside(near.lower.step, 1n)) };
}

function relativeError(value, system, modes) {
  if (value.n === 0n) return 0;
  const { result } = project({ value, negative: value.n < 0n }, system, modes);
  if (typeof result === "number") return NaN;
  return toFloat(divide(magnitude(subtract(result.value, value)), magnitude(value)));
}

function drawCurves(svg, { curves, range, width }) {
  const [low, high] = range;
  const inner = width - PLOT.left - PLOT.right;
  const bottom = CURVE_HEIGHT - PLOT.bottom;
  const errors = curves.flatMap(({ columns }) => columns.map(({ worst }) => worst)).filter((error) => error > 0);
  if (errors.length === 0) errors.push(0.1);
  const least = 10 ** Math.floor(Math.log10(Math.max(Math.min(...errors) / 3, LEAST_ERROR)));
  const most = 10 ** Math.ceil(Math.log10(Math.min(Math.max(...errors, 10 * least), MOST_ERROR)));
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
  const path = (key) => {
    let text = "";
    let isOn = false;
    for (const column of columns) {
      const isNumber = !Number.isNaN(column[key]);
      if (isNumber) text += `${isOn ? "L" : "M"}${x(column.part).toFixed(1)} ${y(column[key]).toFixed(1)}`;
      isOn = isNumber;
    }
    return text;
  };
  return [
    draw("path", { class: `curve single ${look}`, d: path("single") }),
    draw("path", { class: `curve ${look}`, d: path("worst") }),
  ];
}

const errorTick = (error) => `${plainNumber(error * 100)} %`;

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
  const errors = columns.map(({ worst }) => worst).filter((error) => !Number.isNaN(error));
  const gaps = errors.length < columns.length ? " Where the result is no number, there is none." : "";
  return `${name}: relative error up to ${errorTick(Math.max(...errors, 0))}.${gaps}`;
}
