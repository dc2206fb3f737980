// The values of a format as marks on a line; the number, and where it goes. What is seen of the line
// is a view {center, half}, float64 numbers, from center - half to center + half.

const LINE_HEIGHT = 152;
const AXIS = 78;
// More values than this are too many to be drawn one by one, or to have their numbers written.
const DRAWN_ONE_BY_ONE = 260;

function drawLine(svg, { system, trace, view, width }) {
  const low = view.center - view.half;
  const high = view.center + view.half;
  const at = (x) => ((x - low) / (high - low)) * width;
  const isSeen = (x) => x >= low && x <= high;
  svg.setAttribute("viewBox", `0 0 ${width} ${LINE_HEIGHT}`);
  svg.setAttribute("height", LINE_HEIGHT);
  const scene = { system, trace, low, high, at, isSeen, width };
  refill(svg, ...beyondBands(scene), ...axisOf(scene), ...valuesOf(scene), ...boundaryOf(scene), ...numberOf(scene));
  svg.setAttribute("aria-label", lineLabel(scene));
}

function beyondBands({ system, at, width }) {
  const [first, last] = [system.lowest, system.highest].map((end) => toFloat(end.value));
  const left = Math.min(Math.max(at(first), 0), width);
  const right = Math.min(Math.max(at(last), 0), width);
  const band = (x, wide, anchor, textX) =>
    wide < 1 ? [] : [
      draw("rect", { class: "beyond", x, y: 44, width: wide, height: 60 }),
      ...(wide > 110 ? [draw("text", { x: textX, y: 116, "text-anchor": anchor }, "beyond the range")] : []),
    ];
  return [...band(0, left, "end", left - 6), ...band(right, width - right, "start", right + 6)];
}

function axisOf({ width }) {
  return [draw("line", { class: "axis", x1: 0, x2: width, y1: AXIS, y2: AXIS })];
}

// The steps of the first value in view and of the last; null where there is none.
function stepsInView({ system, low, high }) {
  const { order } = system;
  const first = order.neighbours(clamped(low, system))[1];
  const last = order.neighbours(clamped(high, system))[0];
  return [first, last];
}

function clamped(x, { lowest, highest }) {
  const exact = fromFloat(x);
  if (isLess(exact, lowest.value)) return lowest.value;
  return isLess(highest.value, exact) ? highest.value : exact;
}

function valuesOf(scene) {
  const { system, at, width, low, high } = scene;
  const [first, last] = stepsInView(scene);
  if (last - first > BigInt(DRAWN_ONE_BY_ONE)) return [...denseMarks(scene), ...roundNumbers(scene)];
  const places = [];
  for (let step = first; step <= last; step = system.order.beside(step, 1n)) {
    const place = system.place(step);
    const x = toFloat(place.value);
    if (x >= low && x <= high) places.push({ ...place, x: at(x) });
  }
  const marks = places.map(({ x }) => draw("line", { class: "tick", x1: x, x2: x, y1: AXIS - 8, y2: AXIS + 8 }));
  const below = subnormalMark(scene);
  const isRoomy = places.length > 1 && places.length <= width / 62;
  const crowded = places.some(({ x }, i) => i > 0 && x - places[i - 1].x < 54);
  return [...marks, ...below, ...(isRoomy && !crowded ? numbersOf(places, scene) : roundNumbers(scene))];
}

// A bar for each column of pixels that has a value.
function denseMarks({ system, low, high, width }) {
  const columns = Math.floor(width / 2);
  const edge = (i) => system.order.neighbours(clamped(low + ((high - low) * i) / columns, system))[0];
  let path = "";
  let before = edge(0);
  for (let i = 1; i <= columns; i += 1) {
    const here = edge(i);
    if (here !== before) path += `M${(i - 1) * 2} ${AXIS - 8}h2v16h-2z`;
    before = here;
  }
  return [draw("path", { class: "dense", d: path })];
}

function subnormalMark({ system, at, width }) {
  const { order } = system;
  if (!order.isLattice || order.smallestNormalStep <= order.smallestStep) return [];
  const end = toFloat(order.valueOfStep(order.smallestNormalStep));
  const [left, right] = [system.signed ? at(-end) : at(0), at(end)].map((x) => Math.min(Math.max(x, 0), width));
  if (right - left < 4) return [];
  const text = right - left > 80 ? [draw("text", { x: (left + right) / 2, y: AXIS + 24, "text-anchor": "middle" }, "subnormal")] : [];
  return [draw("line", { class: "subnormal", x1: left, x2: right, y1: AXIS + 12, y2: AXIS + 12 }), ...text];
}

function numbersOf(places, { system, width }) {
  return places.flatMap(({ x, step, value }) => [
    draw("text", { x, y: LINE_HEIGHT - 20, "text-anchor": anchorAt(x, width, 34) }, shortText(value, 5)),
    draw("text", { x, y: LINE_HEIGHT - 4, "text-anchor": anchorAt(x, width, 34) }, codeText(system.codeOfStep(step), system.bits)),
  ]);
}

// Where a text at x is fastened, so that it does not reach beyond the edges.
const anchorAt = (x, width, reach) => (x < reach ? "start" : x > width - reach ? "end" : "middle");

function roundNumbers({ low, high, at, width }) {
  return niceTicks(low, high, Math.max(2, Math.floor(width / 110))).map((x) =>
    draw("text", { x: at(x), y: LINE_HEIGHT - 12, "text-anchor": "middle" }, withMinus(plainNumber(x))),
  );
}

function niceTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high && ticks.length < 40; i += 1) ticks.push(i * step);
  return ticks.filter((x) => x - low > (high - low) * 0.03 && high - x > (high - low) * 0.03);
}

const plainNumber = (x) => String(Number(x.toPrecision(6))).replace("e+", "e");

function boundaryOf({ trace, system, at, isSeen, width }) {
  if (!trace?.near || trace.near.areOne) return [];
  const { exact, near } = system.order.boundary(trace.near.lower.step);
  const x = exact ? toFloat(exact) : near;
  if (!isSeen(x)) return [];
  const line = draw("line", { class: "boundary", x1: at(x), x2: at(x), y1: AXIS - 20, y2: AXIS + 20 });
  // Its name, if that does not stand in the way of the number's arrow.
  const isClear = Math.abs(at(asFloat(trace.value)) - at(x)) > 34 && at(x) > 34 && at(x) < width - 34;
  const word = isEqual(exact ?? ZERO, middleOf(trace.near)) ? "middle" : "boundary";
  return [line, ...(isClear ? [draw("text", { x: at(x), y: AXIS - 26, "text-anchor": "middle" }, word)] : [])];
}

function numberOf(scene) {
  const { trace, at, isSeen, width } = scene;
  if (!trace) return [];
  const given = asFloat(trace.value);
  const result = asFloat(valueOf(trace.result));
  const marks = [];
  if (Number.isFinite(result) && isSeen(result)) {
    marks.push(draw("line", { class: "chosen", x1: at(result), x2: at(result), y1: AXIS - 16, y2: AXIS + 16 }));
    marks.push(draw("circle", { class: "chosen-dot", cx: at(result), cy: AXIS, r: 5 }));
  }
  if (!Number.isFinite(given) || !isSeen(given)) return marks;
  const x = at(given);
  marks.push(draw("path", { class: "given", d: `M${x} ${AXIS - 4}l-6 -12h12z` }));
  const name = Number.isFinite(result) ? "your number" : `your number → ${shortText(result)}`;
  marks.push(draw("text", { class: "given", x, y: 14, "text-anchor": anchorAt(x, width, 80) }, name));
  marks.push(draw("line", { class: "arrow", x1: x, x2: x, y1: 20, y2: AXIS - 16 }));
  return [...marks, ...arrowOf(x, at(result), width)];
}

// From the number to its result, if that is in view or the arrow can point to it.
function arrowOf(from, to, width) {
  if (!Number.isFinite(to) || Math.abs(to - from) < 14) return [];
  const end = Math.min(Math.max(to, 2), width - 2);
  const back = end > from ? -7 : 7;
  const y = 36;
  const head = `M${end + back} ${y - 5}L${end} ${y}L${end + back} ${y + 5}`;
  return [draw("path", { class: "arrow", d: `M${from} ${y}H${end}${head}` })];
}

const asFloat = (value) => (typeof value === "number" ? value : toFloat(value));

function lineLabel({ system, trace, low, high }) {
  const range = `Number line of ${system.name} from ${plainNumber(low)} to ${plainNumber(high)}.`;
  if (!trace?.near || trace.near.areOne) return range;
  const { lower, upper } = trace.near;
  return `${range} The number lies between ${shortText(lower.value)} and ${shortText(upper.value)} and goes to ${shortText(valueOf(trace.result))}.`;
}

// Views

// What shows a number with the values around it, in all of some traces.
function viewAround(traces) {
  const halves = traces.map(halfAround).filter((half) => half > 0 && Number.isFinite(half));
  const center = traces.length ? asFloat(traces[0].value) : NaN;
  if (!Number.isFinite(center) || halves.length === 0) return null;
  return { center, half: Math.max(...halves) };
}

function halfAround({ value, near, system }) {
  if (near === null) return NaN;
  const x = toFloat(value);
  const end = toFloat((value.n < 0n ? system.lowest : system.highest).value);
  if (Math.abs(x) > Math.abs(end) || near.inward.step === null) return 1.5 * Math.abs(x - end) || 1;
  const other = near.areOne ? system.order.beside(near.lower.step, value.n < 0n ? -1n : 1n) : near.upper.step;
  const last = system.order.last;
  const beyond = last !== undefined && other > last ? system.order.beside(near.lower.step, -1n) : other;
  const gap = Math.abs(toFloat(subtract(system.order.valueOfStep(beyond), near.lower.value)));
  return 3.4 * gap;
}

function viewOfAll(systems) {
  const ends = systems.flatMap(({ lowest, highest }) => [toFloat(lowest.value), toFloat(highest.value)]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const half = (high - low) / 2;
  return Number.isFinite(half) ? { center: low + half, half: half * 1.06 } : { center: 0, half: 8e307 };
}

// Nearer or farther, about a point that stays where it is; not nearer than float64 can tell.
function zoomed({ center, half }, factor, about = center) {
  const least = Math.max(Math.abs(about) * 2 ** -44, 1e-300);
  const wanted = Math.min(Math.max(half * factor, least), 8e307);
  return { center: about + (center - about) * (wanted / half), half: wanted };
}

// Drag, wheel with Ctrl, two fingers and keys, which all change the view.
function steer(svg, currentView, change) {
  const fingers = new Map();
  const perPixel = () => (2 * currentView().half) / svg.clientWidth;
  const valueAt = (clientX) => currentView().center + (clientX - svg.getBoundingClientRect().left - svg.clientWidth / 2) * perPixel();
  const move = (pixels) => change({ ...currentView(), center: currentView().center - pixels * perPixel() });
  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event.clientX);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    fingers.set(event.pointerId, event.clientX);
    const after = [...fingers.values()];
    if (after.length === 1) return move(after[0] - before[0]);
    const spread = Math.abs(after[0] - after[1]) || 1;
    change(zoomed(currentView(), Math.abs(before[0] - before[1]) / spread || 1, valueAt((after[0] + after[1]) / 2)));
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, (event) => fingers.delete(event.pointerId));
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== svg) return;
    event.preventDefault();
    change(zoomed(currentView(), 2 ** (event.deltaY / 240), valueAt(event.clientX)));
  }, { passive: false });
  const keys = {
    ArrowLeft: () => move(40),
    ArrowRight: () => move(-40),
    "+": () => change(zoomed(currentView(), 0.5)),
    "=": () => change(zoomed(currentView(), 0.5)),
    "-": () => change(zoomed(currentView(), 2)),
    0: () => change(null),
  };
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
