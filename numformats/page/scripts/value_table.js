// All values of a format of few bits, each a button that makes it the number. One of them is reached
// by the Tab key, the others from there by arrow keys.

const TABLE_BITS = 8;

function makeTable(system, choose) {
  const codes = Array.from({ length: 2 ** system.bits }, (_, code) => BigInt(code));
  const buttons = codes.map((code) => valueButton(code, system, choose));
  const grid = make("div", { class: "values", role: "group", "aria-label": `All codes of ${system.name} and their values` }, ...buttons);
  grid.addEventListener("keydown", (event) => moveFocus(event, buttons));
  return { grid, buttons };
}

function valueButton(code, system, choose) {
  const value = system.valueOfCode(code);
  const looks = lookOf(value, system);
  return make(
    "button",
    { type: "button", class: looks.look, title: valueText(value), tabindex: -1, "aria-label": `${codeText(code, system.bits)}: ${shortText(value)}${looks.word}`, onclick: () => choose(code) },
    make("span", {}, codeText(code, system.bits)),
    make("span", {}, shortText(value, 4, 9)),
  );
}

function lookOf(value, system) {
  if (typeof value === "number" && value !== 0) return { look: "none", word: "" };
  const { order } = system;
  const isSmall = typeof value !== "number" && value.n !== 0n && order.isLattice && order.smallestNormalStep > order.smallestStep;
  if (isSmall && isLess(magnitude(value), order.valueOfStep(order.smallestNormalStep))) return { look: "below", word: ", subnormal" };
  return { look: "", word: "" };
}

// Which value the number became, and which were beside it.
function markTable({ buttons }, trace) {
  const { system } = trace;
  const current = Number(trace.code);
  const beside = trace.near && !trace.near.areOne ? [trace.near.lower, trace.near.upper].map(({ step }) => stepCode(step, system)) : [];
  buttons.forEach((button, code) => {
    button.setAttribute("aria-current", String(code === current));
    button.tabIndex = code === current ? 0 : -1;
    button.classList.toggle("beside", beside.includes(code) && code !== current);
  });
}

// The code of a step, -1 of one beyond the range.
function stepCode(step, system) {
  const isInside = step >= system.lowest.step && step <= system.highest.step;
  return isInside ? Number(system.codeOfStep(step)) : -1;
}

function moveFocus(event, buttons) {
  const here = buttons.indexOf(document.activeElement);
  const perRow = buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow, Home: -here, End: buttons.length - 1 - here };
  const target = buttons[here + steps[event.key]];
  if (here < 0 || !target) return;
  event.preventDefault();
  target.focus();
}
