// What happened to a number, in sentences: a list of {title, text, clause}.

const CLAUSES = {
  nearest_even: "IEEE 754-2019 4.3.1, roundTiesToEven; P3109 4.7.4",
  nearest_away: "IEEE 754-2019 4.3.1, roundTiesToAway; P3109 4.7.4",
  toward_zero: "IEEE 754-2019 4.3.2, roundTowardZero; P3109 4.7.4",
  toward_positive: "IEEE 754-2019 4.3.2, roundTowardPositive; P3109 4.7.4",
  toward_negative: "IEEE 754-2019 4.3.2, roundTowardNegative; P3109 4.7.4",
  to_odd: "P3109 4.7.4, ToOdd",
  stochastic_A: "P3109 4.7.4, StochasticA",
  stochastic_B: "P3109 4.7.4, StochasticB",
  stochastic_C: "P3109 4.7.4, StochasticC",
};

const directions = { toward_zero: "inward", away_from_zero: "outward", toward_positive: "upper", toward_negative: "lower" };

function storyOf(trace) {
  const rounding = typeof trace.value === "number" ? specialStep(trace) : roundingStep(trace);
  return [rounding, saturationStep(trace)].filter((step) => step !== null);
}

function specialStep({ value, system }) {
  if (!Number.isNaN(value)) return { title: "Rounding", text: "Infinity is not rounded." };
  return { title: "Rounding", text: `NaN is not rounded. It becomes the NaN of ${system.name}; a payload is not kept.` };
}

function roundingStep(trace) {
  const { near, value, modes, system } = trace;
  if (near.inward.step === null) {
    return { title: "Rounding", text: `${system.name} has positive values only, so that nothing is rounded here.` };
  }
  if (near.areOne) {
    return { title: "Rounding", text: alreadyRounded(trace) };
  }
  return { title: "Rounding", text: roundingSentence(trace), clause: clauseOf(trace) };
}

// Of a number that has one neighbour.
function alreadyRounded({ near, value, system }) {
  const [isBelow, isAbove] = outside(near.inward, system);
  const end = valueText(near.inward.value);
  if (!isEqual(near.inward.value, value)) {
    return isBelow || isAbove
      ? `It is beyond ${end}, in whose place infinity stands, and is taken for that.`
      : `Beyond the last value there is none to round to: it becomes ${end}.`;
  }
  return isBelow || isAbove
    ? "For rounding, values go on beyond the range as they are spaced in it, and the number is one of them: every mode leaves it as it is."
    : "The number is a value of the format: every mode leaves it as it is.";
}

// What nearest means where values taper off, and where they are powers.
const NEAREST_CLAUSES = {
  posit: "Posit Standard (2022) 4.1: the boundary is the value of the code between them, one bit longer",
  takum: "takums round as posits: the boundary is the value of the code between them, one bit longer",
  logarithm: "the boundary is halfway between the logarithms",
};

function clauseOf({ modes, system }) {
  const own = modes.rounding.startsWith("nearest") && NEAREST_CLAUSES[system.given.fields.kind];
  return own || (CLAUSES[modes.rounding] ?? "a mode of numformats");
}

function roundingSentence(trace) {
  const { near, modes } = trace;
  const taken = valueText(trace.rounded.value);
  const place = directions[modes.rounding];
  if (modes.rounding.startsWith("nearest")) return nearestSentence(trace, taken);
  if (modes.rounding === "to_odd") return oddSentence(trace, taken);
  if (modes.rounding === "stochastic_equal") {
    const way = modes.draw ? "away from zero" : "toward zero";
    return `Either neighbour, with equal chances. The random bit is ${modes.draw}: ${way}, to ${taken}.`;
  }
  if (place === undefined) return stochasticSentence(trace, taken);
  const words = { inward: "closer to zero", outward: "farther from zero", upper: "above", lower: "below" };
  return `Always the neighbour ${words[place]}, however near: ${valueText(near[place].value)}.`;
}

function boundaryText(trace) {
  const { exact, near } = trace.system.order.boundary(trace.near.lower.step);
  return exact ? valueText(exact) : `≈ ${withMinus(String(Number(near.toPrecision(9))))} (irrational)`;
}

function nearestSentence(trace, taken) {
  const { near, system, modes, value } = trace;
  const side = sideOf(value, near, system);
  const { exact } = system.order.boundary(near.lower.step);
  const middle = exact && isEqual(exact, middleOf(near)) ? "middle" : "boundary";
  const where = `the ${middle} of the two, ${boundaryText(trace)}`;
  if (side !== 0) {
    const towards = side > 0 ? "farther from zero than" : "closer to zero than";
    return `The number is ${towards} ${where}: it becomes ${taken}.`;
  }
  return `A tie: the number is exactly ${where}. ${tieSentence(near, system, modes)}: ${taken}.`;
}

function tieSentence(near, system, modes) {
  if (modes.rounding === "nearest_away") return "This mode takes the neighbour farther from zero";
  if (modes.rounding === "nearest_zero") return "This mode takes the neighbour closer to zero";
  if (system.given.ties === "significand") {
    return "This mode takes an even significand and, if neither is even, the neighbour farther from zero";
  }
  if (system.isOdd(near.inward.step) === system.isOdd(near.outward.step)) {
    return "The codes of both are even or both odd, so that this mode takes the one closer to zero";
  }
  return "This mode takes the neighbour with the even code";
}

function oddSentence({ near, system }, taken) {
  const isAlike = system.isOdd(near.inward.step) === system.isOdd(near.outward.step);
  return isAlike
    ? `The codes of both are even or both odd: the neighbour closer to zero, ${taken}.`
    : `Always the neighbour with the odd code, however near: ${taken}.`;
}

function stochasticSentence({ near, value, modes }, taken) {
  const { distance, added, limit, isAway: away } = stochasticSum(partOf(value, near), modes);
  const parts = modes.rounding === "stochastic_B" ? `2 × ${modes.bits ? 1n << BigInt(modes.bits) : 1}` : `${limit}`;
  const random = modes.rounding === "stochastic_B" ? `2 R + 1 = ${added}` : `R = ${added}`;
  const comparison = away ? "reaches" : "is less than";
  return `Of ${parts} parts of the way from the neighbour closer to zero the number has gone ${distance}. With ${random} added, ${distance + added} ${comparison} ${limit}: ${away ? "away from" : "toward"} zero, to ${taken}.`;
}

function saturationStep(trace) {
  const { value, system, modes, result } = trace;
  if (Number.isNaN(value)) return null;
  const z = typeof value === "number" ? value : trace.rounded;
  const [isBelow, isAbove] = outside(z, system);
  if (!isBelow && !isAbove) return { title: "Saturation", text: "The result is within the range: nothing to do." };
  const clause = { none: "P3109 4.7.5; IEEE 754-2019 7.4", wrap: "two's complement" }[modes.saturation] ?? "P3109 4.7.5";
  return { title: "Saturation", text: saturationSentence({ z, system, modes, result, isAbove }), clause };
}

function saturationSentence({ z, system, modes, result, isAbove }) {
  const end = (isAbove ? system.highest : system.lowest).value;
  const what = `${valueText(valueOf(z))} is ${isAbove ? "beyond the largest" : "below the smallest"} value, ${valueText(end)}.`;
  const outcome = valueText(valueOf(result));
  if (modes.saturation === "wrap") return `${what} The low ${system.bits} bits are kept: ${outcome}.`;
  if (modes.saturation === "finite") return `${what} “finite” keeps every number in the range: ${outcome}.`;
  if (modes.saturation === "propagate") return `${what} “propagate” keeps infinity where there is one and all else in the range: ${outcome}.`;
  if (typeof result !== "number" && typeof z !== "number" && staysInside(system, modes.rounding, isAbove)) {
    return `${what} ${modes.rounding} does not go beyond it: ${outcome}.`;
  }
  if (typeof result !== "number" && z.value?.n > 0n && !isAbove) {
    return `${what} What is positive and too small becomes the smallest value: ${outcome}.`;
  }
  if (!isAbove && !system.signed) return `${what} Not saturated, what is below the range becomes ${outcome} here.`;
  return `${what} Not saturated, this format's overflow is ${outcome}.`;
}

// The error of a result, as rows of [what, text].
function errorRows({ value, result }) {
  if (typeof value === "number" || typeof result === "number") return [];
  const error = subtract(result.value, value);
  if (error.n === 0n) return [["exact"]];
  const rows = [["error", `${withMinus(shortText(error, 4))}`]];
  if (value.n !== 0n) rows.push(["relative", percentText(divide(magnitude(error), magnitude(value)))]);
  return rows;
}
