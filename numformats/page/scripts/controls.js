// What a panel is asked for: format, rounding, saturation, and what these need beside. `change` takes
// the fields of the panel's state that are new.

const OWN = "own";
const WORDS = {
  stochastic_A: "stochastic A",
  stochastic_B: "stochastic B",
  stochastic_C: "stochastic C",
  stochastic_equal: "stochastic, equal chances",
};

const STOCHASTIC_RULE = "away from zero with a probability that grows with the distance";

const roundingWords = (name) => WORDS[name] ?? name.replaceAll("_", " ");

function makeControls(change) {
  const format = make("select", { onchange: () => change({ format: firstOf(format.value) }) }, ...formatOptions());
  const rounding = make("select", { onchange: () => change({ rounding: rounding.value }) }, ...ROUNDINGS.map((name) => option(name, roundingWords(name))));
  const saturation = make("select", { onchange: () => change({ saturation: saturation.value }) }, ...SATURATIONS.map((name) => option(name)));
  const parts = [p3109Controls(change), customControls(change), drawControls(change)];
  const rule = make("p", { class: "hint" });
  const fault = make("p", { class: "fault", role: "alert" });
  const root = make(
    "div",
    {},
    make("div", { class: "controls" }, labelled("Format", format), labelled("Rounding", rounding), labelled("Saturation", saturation)),
    ...parts.map(({ root: part }) => part),
    rule,
    fault,
  );
  function show(state) {
    format.value = kindOf(state.format);
    rounding.value = state.rounding;
    saturation.value = state.saturation;
    parts.forEach((part) => part.show(state));
    rule.textContent = `${roundingWords(state.rounding)}: ${DATA.rules[state.rounding] ?? STOCHASTIC_RULE}.`;
  }
  return { root, show, refuse: (text) => (fault.textContent = text) };
}

function formatOptions() {
  const groups = DATA.families
    .filter(({ title }) => title !== P3109)
    .map(({ title, formats }) => make("optgroup", { label: title }, ...formats.map(({ name }) => option(name))));
  const made = make("optgroup", { label: "By parameters" }, option(P3109, "IEEE P3109 …"), option(OWN, "your own float …"));
  return [...groups, made];
}

const kindOf = (name) => (P3109_NAME.test(name) ? P3109 : GIVEN.has(name) ? name : OWN);

function firstOf(kind) {
  if (kind === P3109) return "binary8p4se";
  return kind === OWN ? customName(CUSTOM_DEFAULT) : kind;
}

function numberInput(attributes, onchange) {
  return make("input", { type: "number", class: "field-input", step: 1, onchange, ...attributes });
}

function checkbox(text, onchange) {
  const box = make("input", { type: "checkbox", onchange });
  return [make("label", { class: "check" }, box, text), box];
}

// K and P, and two choices.
function p3109Controls(change) {
  const update = () => {
    const wide = wholeWithin(bits.value, 3, 16, 8);
    const most = wide - Number(signed.checked);
    change({ format: p3109Name({ bits: wide, precision: wholeWithin(precision.value, 1, most, 1), signed: signed.checked, extended: extended.checked }) });
  };
  const bits = numberInput({ min: 3, max: 16 }, update);
  const precision = numberInput({ min: 1, max: 16 }, update);
  const [signedLabel, signed] = checkbox("signed", update);
  const [extendedLabel, extended] = checkbox("infinity", update);
  const root = make("div", { class: "extra" }, labelled("Bits K", bits, "small"), labelled("Precision P", precision, "small"), signedLabel, extendedLabel);
  function show({ format }) {
    const parameters = p3109Parameters(format);
    root.hidden = parameters === null;
    if (root.hidden) return;
    bits.value = parameters.bits;
    precision.value = parameters.precision;
    precision.max = parameters.bits - Number(parameters.signed);
    signed.checked = parameters.signed;
    extended.checked = parameters.extended;
  }
  return { root, show };
}

function customControls(change) {
  const update = () => {
    const bitsChanged = Number(exponent.value) !== customParameters(shown).exponent;
    const parameters = {
      exponent: wholeWithin(exponent.value, 1, 16, 4),
      trailing: wholeWithin(trailing.value, 0, 23, 3),
      bias: bitsChanged ? 2 ** (wholeWithin(exponent.value, 1, 16, 4) - 1) - 1 : wholeWithin(bias.value, -65536, 65536, 7),
      signed: signed.checked,
      infinity: infinity.checked,
      nan: nan.value,
      subnormals: subnormals.value,
    };
    change({ format: customName(parameters) });
  };
  let shown = "";
  const exponent = numberInput({ min: 1, max: 16 }, update);
  const trailing = numberInput({ min: 0, max: 23 }, update);
  const bias = numberInput({}, update);
  const nan = make("select", { onchange: update }, option("ieee", "as in IEEE 754"), option("top", "the top code"), option("negative_zero", "the code of −0"), option("none"));
  const subnormals = make("select", { onchange: update }, option("gradual", "yes"), option("none", "no: a binade"), option("flush", "flushed to zero"));
  const [signedLabel, signed] = checkbox("signed", update);
  const [infinityLabel, infinity] = checkbox("infinity", update);
  const root = make(
    "div",
    { class: "extra" },
    labelled("Exponent bits", exponent, "small"),
    labelled("Significand bits", trailing, "small"),
    labelled("Bias", bias, "small"),
    labelled("NaN", nan, "wide"),
    labelled("Subnormals", subnormals, "wide"),
    signedLabel,
    infinityLabel,
  );
  function show({ format }) {
    const parameters = GIVEN.has(format) ? null : customParameters(format);
    root.hidden = parameters === null;
    if (root.hidden) return;
    shown = format;
    exponent.value = parameters.exponent;
    trailing.value = parameters.trailing;
    bias.value = parameters.bias;
    nan.value = parameters.nan;
    subnormals.value = parameters.subnormals;
    signed.checked = parameters.signed;
    infinity.checked = parameters.infinity;
  }
  return { root, show };
}

// N and R of the stochastic modes.
function drawControls(change) {
  const bits = numberInput({ min: 1, max: 32 }, () => change({ bits: wholeWithin(bits.value, 1, 32, 8) }));
  const random = numberInput({ min: 0 }, () => change({ draw: wholeWithin(random.value, 0, Number(random.max), 0) }));
  const dice = make("button", { type: "button", onclick: () => change({ draw: Math.floor(Math.random() * (Number(random.max) + 1)) }) }, "Draw R");
  const bitsField = labelled("Random bits N", bits, "small");
  const root = make("div", { class: "extra" }, bitsField, labelled("Random number R", random, "wide"), dice);
  function show(state) {
    const limit = drawLimit(state);
    root.hidden = limit === 0;
    bitsField.hidden = !STOCHASTIC.includes(state.rounding);
    bits.value = state.bits;
    random.max = Math.max(limit - 1, 0);
    random.value = state.draw;
  }
  return { root, show };
}
