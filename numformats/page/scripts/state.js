// What the page shows, as a link tells it:
// #x=0.1&a=float8_e4m3fn.nearest_even.none&b=int8.stochastic_A-8-127.wrap&view=0.1,0.05&range=0.001,1000

const PANEL_DEFAULT = { format: "float8_e4m3fn", rounding: "nearest_even", saturation: "none", bits: 8, draw: 0 };
const SECOND_DEFAULT = { ...PANEL_DEFAULT, format: "float8_e5m2" };
const RANGE_DEFAULT = ["0.001", "1000"];
const ROUNDINGS = [
  ...["nearest_even", "nearest_away", "nearest_zero", "toward_zero", "away_from_zero"],
  ...["toward_positive", "toward_negative", "to_odd", ...STOCHASTIC, "stochastic_equal"],
];
const SATURATIONS = ["none", "finite", "propagate", "wrap"];
const TOKEN = /[^A-Za-z0-9_.,:+/-]/g;

const defaultState = () => ({ text: "0.1", panels: [{ ...PANEL_DEFAULT }], view: null, range: [...RANGE_DEFAULT] });

function panelText({ format, rounding, saturation, bits, draw }) {
  const mode = STOCHASTIC.includes(rounding)
    ? `${rounding}-${bits}-${draw}`
    : rounding === "stochastic_equal" ? `${rounding}-1-${draw}` : rounding;
  return `${format}.${mode}.${saturation}`;
}

function fragmentOf(state) {
  const parts = [`x=${encodeURIComponent(state.text)}`];
  state.panels.forEach((panel, i) => parts.push(`${"ab"[i]}=${panelText(panel)}`));
  if (state.view) parts.push(`view=${state.view.center},${state.view.half}`);
  if (state.range.join() !== RANGE_DEFAULT.join()) parts.push(`range=${state.range.map(encodeURIComponent).join()}`);
  return "#" + parts.join("&");
}

// The state of a fragment, and what of it makes no sense, in words.
function stateOf(fragment) {
  const state = defaultState();
  const faults = [];
  const parts = new Map(fragment.replace(/^#/, "").split("&").map((part) => part.split(/=(.*)/s).slice(0, 2)));
  if (parts.has("x")) state.text = decoded(parts.get("x")).slice(0, MAX_LENGTH);
  state.panels = ["a", "b"].flatMap((key, i) => {
    if (!parts.has(key)) return i ? [] : [{ ...PANEL_DEFAULT }];
    return [panelOf(decoded(parts.get(key)), i ? SECOND_DEFAULT : PANEL_DEFAULT, faults)];
  });
  const view = (parts.get("view") ?? "").split(",").map(Number);
  if (view.length === 2 && view.every(Number.isFinite) && view[1] > 0) state.view = { center: view[0], half: view[1] };
  const range = (parts.get("range") ?? "").split(",").map(decoded);
  if (range.length === 2) state.range = range;
  return { state, faults };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function panelOf(text, fallback, faults) {
  const [name, mode = "nearest_even", saturation = "none"] = text.replace(TOKEN, "").split(".");
  const format = properName(name);
  const [rounding, bits = "8", draw = "0"] = mode.split("-");
  const panel = { ...fallback };
  const refuse = (what, word, kept) => faults.push(`The link asks for ${what} “${word}”, which is unknown here; ${kept} is shown.`);
  const fault = faultOf(format);
  if (fault === null) panel.format = format;
  else faults.push(`${fault} ${fallback.format} is shown.`);
  if (ROUNDINGS.includes(rounding)) panel.rounding = rounding;
  else refuse("the rounding", rounding, panel.rounding);
  if (SATURATIONS.includes(saturation)) panel.saturation = saturation;
  else refuse("the saturation", saturation, panel.saturation);
  panel.bits = wholeWithin(bits, 1, 32, 8);
  panel.draw = wholeWithin(draw, 0, 2 ** 32 - 1, 0);
  return panel;
}

function wholeWithin(text, low, high, otherwise) {
  const number = Number(text);
  return text !== "" && Number.isInteger(number) ? Math.min(Math.max(number, low), high) : otherwise;
}
