// The page as a whole: one number, one format or two, and the state that a link holds.

const EXAMPLES = ["0.1", "1/3", "448", "465", "-2.5", "1e-3", "0x1.8p-3", "inf", "nan"];
const find = (id) => document.getElementById(id);

let state = defaultState();
let shown = [];
let panels = [];
let curves = null;
let pendingLink = 0;
// The code that was made by flipping a bit or chosen from a table, of a value that may have others.
let held = null;

// The view that is shown where none is chosen.
function viewNow() {
  const traces = shown.map((one) => one?.trace).filter(Boolean);
  return state.view ?? viewAround(traces) ?? viewOfAll(shown.filter(Boolean).map(({ system }) => system));
}

function setView(view) {
  state.view = view === "all" ? viewOfAll(shown.filter(Boolean).map(({ system }) => system)) : view;
  drawLines();
  keepLink();
}

function drawLines() {
  shown.forEach((one, i) => one && panels[i].drawLine(one));
}

function readEntry() {
  try {
    const number = readNumber(state.text);
    tellFault("");
    return number;
  } catch (error) {
    tellFault(error.message);
    return null;
  }
}

function tellFault(text) {
  find("number-fault").textContent = text;
  find("number").setAttribute("aria-invalid", String(text !== ""));
}

// The number in another way than it is typed: as a decimal, else as a fraction.
function tellExactly(number) {
  find("exactly").textContent = number && typeof number.value !== "number" ? otherWay(number.value) : "";
}

function otherWay(value) {
  const { n, d } = reduced(value);
  const decimal = exactDecimal(value);
  if (decimal === null) return d === 1n || state.text.includes("/") ? `≈ ${withMinus(nearDecimal(value, 12))}` : "";
  if (decimal !== state.text.trim()) return `= ${withMinus(decimal)}`;
  return d > 1n && d < 10000n ? `= ${withMinus(`${n}/${d}`)}` : "";
}

function show({ isNew = true } = {}) {
  const number = readEntry();
  // Whatever is changed, the link that was wrong is not what is shown any more.
  find("link-fault").textContent = "";
  tellExactly(number);
  arrangePanels();
  const isOnly = state.panels.length === 1;
  shown = state.panels.map((panel, i) => panels[i].show(panel, number, isOnly));
  drawLines();
  if (isNew) showErrors();
  find("told").textContent = panels.map((panel) => panel.announce()).join(" ");
  keepLink();
}

function arrangePanels() {
  while (panels.length < state.panels.length) panels.push(newPanel(panels.length));
  panels.length = state.panels.length;
  const holder = find("panels");
  holder.classList.toggle("two", panels.length === 2);
  panels.forEach(({ root }, i) => holder.children[i] === root || holder.append(root));
  while (holder.children.length > panels.length) holder.lastChild.remove();
  find("compare").textContent = panels.length === 1 ? "Compare with a second format" : "Only the first format";
}

function newPanel(i) {
  return makePanel("AB"[i], {
    view: viewNow,
    setView,
    choose(text, code) {
      held = { panel: i, text, code };
      enter(text);
    },
    held: (trace) => (held?.panel === i && held.text === state.text && isSame(held.code, trace) ? held.code : trace.code),
    change(fields) {
      const panel = Object.assign(state.panels[i], fields);
      panel.draw = Math.min(panel.draw, Math.max(drawLimit(panel) - 1, 0));
      show();
    },
  });
}

function isSame(code, { system, result }) {
  const [a, b] = [system.valueOfCode(code), valueOf(result)];
  return typeof a === "number" || typeof b === "number" ? Object.is(asFloat(a) + 0, asFloat(b) + 0) : isEqual(a, b);
}

function enter(text) {
  state.text = text;
  state.view = null;
  find("number").value = text;
  show({ isNew: false });
}

// The error over a range

function makeErrors() {
  const [low, high] = [0, 1].map((i) =>
    make("input", { class: "field-input", type: "text", autocomplete: "off", spellcheck: "false", onchange: (event) => setRange(i, event.target.value) }),
  );
  const fault = make("p", { class: "fault", role: "alert" });
  const svg = draw("svg", { role: "img" });
  const legend = make("p", { class: "hint" });
  refill(
    find("errors"),
    make("h2", {}, "Error over a range"),
    make("div", { class: "range" }, labelled("From", low), labelled("To", high)),
    fault,
    svg,
    legend,
  );
  return { inputs: [low, high], fault, svg, legend };
}

function setRange(i, text) {
  state.range[i] = text.trim();
  showErrors();
  keepLink();
}

function readRange() {
  const [low, high] = state.range.map((text) => {
    const { value } = readNumber(text);
    const x = asFloat(value);
    if (!Number.isFinite(x)) throw new Error(`“${text}” is beyond the numbers that a range has here; write one below 1e308.`);
    return x;
  });
  if (low >= high) throw new Error("The range is empty: the first number has to be the smaller one.");
  return [low, high];
}

function showErrors() {
  curves.inputs.forEach((input, i) => (input.value = state.range[i]));
  curves.fault.textContent = "";
  try {
    drawErrors(readRange());
  } catch (error) {
    curves.fault.textContent = error.message;
    refill(curves.svg);
    curves.legend.textContent = "";
  }
}

function drawErrors(range) {
  const width = Math.max(curves.svg.clientWidth, 240);
  const columns = Math.min(420, Math.floor((width - PLOT.left - PLOT.right) / 2));
  const drawn = state.panels.flatMap((panel, i) => {
    if (!shown[i]) return [];
    const modes = panel.saturation === "wrap" && !shown[i].system.given.wraps ? { ...panel, saturation: "none" } : panel;
    const { system } = shown[i];
    return [{ name: panel.format, look: "ab"[i], columns: errorColumns(system, modes, range, columns) }];
  });
  drawCurves(curves.svg, { curves: drawn, range, width });
  const names = drawn.map(({ name, look }) => `${name} (${look === "a" ? "solid" : "dashed"})`).join(" and ");
  curves.legend.textContent = `Relative error of ${names}: thin lines of single numbers, bold ones the largest of all numbers between the same two values. A line breaks off where the result is infinite or NaN.`;
}

// Links

function keepLink() {
  clearTimeout(pendingLink);
  pendingLink = setTimeout(() => history.replaceState(null, "", fragmentOf(state)), 200);
}

function openLink() {
  const opened = stateOf(location.hash);
  state = opened.state;
  find("number").value = state.text;
  panels.forEach(({ root }) => root.remove());
  panels = [];
  show();
  find("link-fault").textContent = opened.faults.join(" ");
}

async function copyLink(event) {
  const link = location.href.split("#")[0] + fragmentOf(state);
  history.replaceState(null, "", fragmentOf(state));
  const button = event.target;
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The link is in the address bar";
  }
  setTimeout(() => (button.textContent = "Copy a link to this"), 2000);
}

function begin() {
  curves = makeErrors();
  find("examples").append(...EXAMPLES.map((text) => make("button", { type: "button", onclick: () => enter(text) }, text)));
  find("number").addEventListener("input", (event) => {
    state.text = event.target.value;
    state.view = null;
    show({ isNew: false });
  });
  find("compare").addEventListener("click", () => {
    state.panels = state.panels.length === 1 ? [state.panels[0], { ...SECOND_DEFAULT }] : [state.panels[0]];
    state.view = null;
    show();
  });
  find("copy").addEventListener("click", copyLink);
  addEventListener("hashchange", openLink);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawLines();
    showErrors();
  });
  openLink();
}

// For the tests, and whoever wants to ask the page's arithmetic in the console.
globalThis.numformats = { readNumber, readableText, exactDecimal, nearDecimal, systemOf, project, fromFloat, toFloat, reduced, describeFloat };
begin();
