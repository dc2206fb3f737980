// What one format makes of the number: its controls, the result, the bits, why, and the values.
// `ask` has what a panel wants of the page: change(fields), choose(value text, code), held(trace),
// which of several codes of the same value to show, view() and setView(view).

function makePanel(letter, ask) {
  const title = make("h2", { id: newId() }, `Format ${letter}`);
  const controls = makeControls(ask.change);
  const result = make("p", { class: "result" });
  const exactly = make("p", { class: "exact-result" });
  const bits = make("div", { class: "bits", role: "group", "aria-label": "Bits of the code; press one to flip it" });
  const reading = make("p", { class: "reading" });
  const why = make("ol", { class: "why" });
  const facts = make("dl", { class: "facts" });
  const line = makeLine(ask);
  const table = makeTableSection(ask);
  const outcome = [
    make("div", { class: "top" }, result, exactly, bits, reading),
    make("div", { class: "story" }, make("h3", {}, "Why"), why),
  ];
  const aboutTitle = make("h3");
  const about = make("div", { class: "about" }, aboutTitle, facts);
  const body = make("div", { class: "body" }, ...outcome, line.root, about, table.root);
  const root = make("section", { class: "panel", "aria-labelledby": title.id }, title, controls.root, body);
  let trace = null;

  function show(state, number, isOnly) {
    title.classList.toggle("hidden", isOnly);
    controls.show(state);
    controls.refuse("");
    body.hidden = false;
    trace = null;
    let system;
    try {
      system = systemOf(state.format);
      if (number) trace = project(number, system, state);
    } catch (error) {
      controls.refuse(error.message);
      if (!system) body.hidden = true;
    }
    outcome.forEach((part) => (part.hidden = trace === null));
    if (!system) return null;
    if (trace) showOutcome();
    aboutTitle.textContent = `The format ${system.name}`;
    refill(facts, ...factRows(system));
    table.show(system, trace);
    return { system, trace };
  }

  function showOutcome() {
    const { system } = trace;
    const code = ask.held(trace);
    const value = system.valueOfCode(code);
    result.textContent = valueText(value);
    exactly.textContent = [exactText(value), `code ${codeText(code, system.bits)}`, ...errorRows(trace).map((row) => row.join(" "))]
      .filter(Boolean)
      .join(" · ");
    showBits(bits, code, system, ask.choose);
    refill(reading, ...readingOf(code, system));
    refill(why, ...whyRows(trace));
  }

  return { root, show, drawLine: (shown) => line.show(shown), announce: () => (trace ? announcement(trace) : "") };
}

function announcement(trace) {
  const { system, code } = trace;
  return `${system.name}: ${valueText(system.valueOfCode(code))}, code ${codeText(code, system.bits)}. ${storyOf(trace)[0].text}`;
}

// Bits, kept where the fields are the same, so that the focus stays.
function showBits(root, code, system, choose) {
  const fields = fieldsOf(code, system);
  const digits = bitsOf(code, system);
  const key = JSON.stringify([system.name, fields]);
  const flip = (place) => {
    const flipped = BigInt(root.dataset.code) ^ (1n << BigInt(system.bits - 1 - place));
    choose(readableText(system.valueOfCode(flipped)), flipped);
  };
  const focused = [...root.querySelectorAll("button")].indexOf(document.activeElement);
  if (root.dataset.fields !== key) {
    let place = 0;
    const groups = fields.map(([name, width, look]) => {
      const buttons = Array.from({ length: width }, () => bitButton(place++, name, flip));
      return make("div", { class: `field ${look}` }, make("div", {}, ...buttons), make("span", {}, name));
    });
    refill(root, ...groups);
    root.dataset.fields = key;
  }
  root.dataset.code = code.toString();
  const buttons = [...root.querySelectorAll("button")];
  buttons.forEach((button, i) => {
    button.textContent = digits[i];
    button.setAttribute("aria-pressed", String(digits[i] === "1"));
  });
  if (focused >= 0) buttons[focused]?.focus();
}

function bitButton(place, name, flip) {
  return make("button", { type: "button", "aria-label": `bit ${place + 1} from the top, ${name}`, onclick: () => flip(place) });
}

function whyRows(trace) {
  const rows = storyOf(trace).map(({ title, text, clause }) =>
    whyRow(title, text, ...(clause ? [make("span", { class: "clause" }, ` (${clause})`)] : [])),
  );
  return trace.near && !trace.near.areOne ? [whyRow("Neighbours", neighbourTable(trace)), ...rows] : rows;
}

const whyRow = (title, ...content) => make("li", {}, make("b", {}, title), make("div", {}, ...content));

function neighbourTable(trace) {
  const { near, system, value } = trace;
  const cells = [near.upper, near.lower].flatMap((place) => {
    const isTaken = typeof trace.result !== "number" && trace.result.step === place.step;
    const code = stepCode(place.step, system);
    return [
      make("span", { class: isTaken ? "taken" : "" }, valueText(place.value)),
      make("span", { class: "mono" }, code < 0 ? "beyond the range" : codeText(BigInt(code), system.bits)),
      make("span", { class: "taken" }, isTaken ? "← result" : ""),
    ];
  });
  const part = partOf(value, near);
  const way = exactDecimal(part, 8) ?? fractionText(part) ?? `≈ ${nearDecimal(part, 3)}`;
  const from = near.inward === near.lower ? "lower" : "upper";
  return make("div", {}, make("div", { class: "pair" }, ...cells), `The number has gone ${way} of the way from the ${from} one.`);
}

function fractionText(a) {
  const { n, d } = reduced(a);
  return d < 1000n ? `${n}/${d}` : null;
}

function factRows(system) {
  const { order, highest, lowest } = system;
  const infinite = { infinity: "infinity", nan: "NaN", max: "the largest value" };
  const has = (is) => (is ? "yes" : "no");
  const smallest = system.smallestPositive.value;
  const normal = order.isLattice && order.smallestNormalStep > order.smallestStep ? order.valueOfStep(order.smallestNormalStep) : null;
  const rows = [
    ["bits", String(system.bits)],
    ["largest value", factText(highest.value)],
    ["smallest value", factText(lowest.value)],
    normal && ["smallest normal", factText(normal)],
    ["smallest positive", factText(smallest)],
    ["infinity, NaN", `${has(system.hasInfinity)}, ${has(system.hasNaN)}`],
    ["overflow, not saturated", infinite[system.overflow]],
  ];
  return rows.filter(Boolean).map(([term, text]) => make("div", {}, make("dt", {}, term), make("dd", {}, text)));
}

function factText(value) {
  const decimal = exactDecimal(value, 10);
  if (decimal !== null) return withMinus(decimal);
  const power = inPowersOfTwo(value);
  return withMinus(power.length <= 12 ? `${power} ≈ ${withMinus(nearDecimal(value, 4))}` : `≈ ${withMinus(nearDecimal(value, 6))}`);
}

function makeLine(ask) {
  const svg = draw("svg", { class: "line", role: "application", tabindex: 0 });
  const zoom = (factor) => () => ask.setView(zoomed(ask.view(), factor));
  const button = (text, label, onclick) => make("button", { type: "button", "aria-label": label, onclick }, text);
  const tools = make(
    "div",
    { class: "tools tools-row" },
    make("h3", {}, "Number line"),
    button("+", "Zoom in", zoom(0.5)),
    button("−", "Zoom out", zoom(2)),
    button("Around the number", "Show the number and its neighbours", () => ask.setView(null)),
    button("All", "Show all values", () => ask.setView("all")),
  );
  const hint = make("p", { class: "hint" }, "Drag it, or use the arrow keys; zoom with + and −, two fingers, or Ctrl and the wheel; 0 comes back.");
  svg.setAttribute("aria-describedby", (hint.id = newId()));
  steer(svg, ask.view, ask.setView);
  function show({ system, trace }) {
    drawLine(svg, { system, trace, view: ask.view(), width: Math.max(svg.clientWidth, 200) });
  }
  return { root: make("div", { class: "lines" }, tools, svg, hint), show };
}

function makeTableSection(ask) {
  const summary = make("summary");
  const holder = make("div");
  const root = make("details", { class: "table" }, summary, holder);
  let table = null;
  let latest = null;
  let ownName = "";
  function fill() {
    if (!root.open || !latest) return;
    const { system, trace } = latest;
    if (ownName !== system.name) {
      table = makeTable(system, (code) => ask.choose(readableText(system.valueOfCode(code)), code));
      refill(holder, table.grid);
      ownName = system.name;
    }
    if (trace) markTable(table, trace);
  }
  root.addEventListener("toggle", fill);
  function show(system, trace) {
    root.hidden = system.bits > TABLE_BITS;
    summary.textContent = `All ${2 ** system.bits} values`;
    latest = root.hidden ? null : { system, trace };
    fill();
  }
  return { root, show };
}
