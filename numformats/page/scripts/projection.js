// A projection: rounding, then saturation, then the code. After IEEE P3109, clauses 4.7.4 and 4.7.5.
// Modes are {rounding, saturation, bits, draw}: N and R of the stochastic modes are the last two.

const STOCHASTIC = ["stochastic_A", "stochastic_B", "stochastic_C"];

const drawLimit = (modes) =>
  STOCHASTIC.includes(modes.rounding) ? 2 ** modes.bits : modes.rounding === "stochastic_equal" ? 2 : 0;

// How a number {value, negative} becomes a code, and all that happened on its way.
function project({ value, negative }, system, modes) {
  refuse(value, system, modes);
  const trace = { value, negative, system, modes, near: null };
  let result = value;
  if (typeof value !== "number") {
    trace.near = neighboursOf(value, system);
    result = trace.rounded = isAway(trace) ? trace.near.outward : trace.near.inward;
  }
  trace.result = Number.isNaN(result) ? result : saturated(result, system, modes);
  trace.code = encoded(trace.result, negative, system);
  return trace;
}

function refuse(value, system, modes) {
  if (Number.isNaN(value) && !system.hasNaN) {
    throw new Error(`${system.name} has no NaN; in Python, nan="max" or nan="zero" says what takes its place.`);
  }
  if (modes.saturation !== "wrap") return;
  if (!system.given.wraps) {
    throw new Error(`Saturation “wrap” is for integers of full range, and ${system.name} is none; choose another.`);
  }
  if (typeof value === "number") {
    throw new Error("Infinity has no low bits to wrap to; choose another saturation.");
  }
}

function neighboursOf(x, system) {
  if (system.order.isPositive && x.n <= 0n) return alone({ step: null, value: x });
  const [lower, upper] = system.order.neighbours(x).map(system.place);
  const [inward, outward] = x.n < 0n ? [upper, lower] : [lower, upper];
  return { inward, outward, lower, upper, areOne: lower.step === upper.step };
}

// What is zero or negative has no neighbours in a lattice of positive values. It is out of range.
function alone(place) {
  return { inward: place, outward: place, lower: place, upper: place, areOne: true };
}

const middleOf = ({ lower, upper }) => scaled(add(lower.value, upper.value), -1n);

// The part of the way from the inward to the outward neighbour at which x lies.
function partOf(x, near) {
  const whole = subtract(near.outward.value, near.inward.value);
  return divide(subtract(x, near.inward.value), whole);
}

// 1 if x is on the side of the outward neighbour, -1 if on that of the inward one, or 0.
function sideOf(x, near, system) {
  const side = system.order.sideOfBoundary(near.lower.step, x);
  return near.outward === near.upper ? side : -side;
}

// Column RoundAway of P3109 4.7.4, and further modes: whether the outward neighbour is taken.
function isAway({ value: x, near, system, modes }) {
  if (near.areOne) return false;
  const isUpward = near.outward === near.upper;
  const odd = { inward: system.isOdd(near.inward.step), outward: system.isOdd(near.outward.step) };
  switch (modes.rounding) {
    case "toward_zero":
      return false;
    case "away_from_zero":
      return true;
    case "toward_positive":
      return isUpward;
    case "toward_negative":
      return !isUpward;
    case "to_odd":
      return odd.outward && !odd.inward;
    case "nearest_away":
      return sideOf(x, near, system) >= 0;
    case "nearest_zero":
      return sideOf(x, near, system) > 0;
    case "nearest_even": {
      const side = sideOf(x, near, system);
      return side > 0 || (side === 0 && tieGoesOutward(near, system, odd));
    }
    case "stochastic_equal":
      return modes.draw === 1;
    default:
      return stochasticSum(partOf(x, near), modes).isAway;
  }
}

function tieGoesOutward(near, system, odd) {
  if (system.isLattice && system.given.ties === "significand") {
    return system.order.significandIsOdd(near.inward.step);
  }
  return odd.inward && !odd.outward;
}

// What P3109's stochastic modes add up, and what the sum is compared with.
function stochasticSum(part, { rounding, bits, draw }) {
  const whole = 1n << BigInt(bits);
  const random = BigInt(draw);
  const inUnits = { n: part.n * whole, d: part.d };
  if (rounding === "stochastic_B") {
    const sum = floor(scaled(inUnits, 1n)) + 2n * random + 1n;
    return { distance: floor(scaled(inUnits, 1n)), added: 2n * random + 1n, limit: 2n * whole, isAway: sum >= 2n * whole };
  }
  const distance = rounding === "stochastic_A" ? floor(inUnits) : roundedToInteger(inUnits);
  return { distance, added: random, limit: whole, isAway: distance + random >= whole };
}

// P3109 4.7.5, and the wrapping of two's complement.
function saturated(z, system, { rounding, saturation }) {
  if (saturation === "wrap") return wrapped(z, system);
  const [isBelow, isAbove] = outside(z, system);
  if (!isBelow && !isAbove) return z;
  const end = isAbove ? system.highest : system.lowest;
  const isInfinite = typeof z === "number";
  // Without zero there is a gap below the smallest value; what is positive there becomes that.
  if (isBelow && !isInfinite && z.value.n > 0n && isLess(z.value, system.lowest.value)) return end;
  if (saturation === "finite") return end;
  if (saturation === "propagate") {
    const isKept = isInfinite && system.hasInfinity && (isAbove || system.signed);
    return isKept ? z : end;
  }
  if (!isInfinite && staysInside(system, rounding, isAbove)) return end;
  if (isBelow && !system.signed) return system.hasNaN ? NaN : end;
  if (system.overflow === "max") return end;
  return system.overflow === "nan" ? NaN : isAbove ? Infinity : -Infinity;
}

function outside(z, system) {
  if (typeof z === "number") return [z < 0, z > 0];
  return [isLess(z.value, system.lowest.value), isLess(system.highest.value, z.value)];
}

// Whether a mode never leaves the range at this end.
function staysInside(system, rounding, isAbove) {
  if (rounding === "toward_zero") return true;
  if (rounding === "to_odd") return (isAbove || system.signed) && system.isOdd(system.highest.step);
  return rounding === (isAbove ? "toward_negative" : "toward_positive");
}

function wrapped(z, system) {
  const steps = 1n << BigInt(system.bits);
  const lowest = system.lowest.step;
  const above = (z.step - lowest) % steps;
  return system.place((above < 0n ? above + steps : above) + lowest);
}

function encoded(z, negative, system) {
  if (Number.isNaN(z)) return system.codeOfNaN(negative);
  if (typeof z === "number") return system.codeOfInfinity(z < 0);
  if (z.value.n === 0n && negative && system.hasNegativeZero) return BigInt(system.given.negative_zero);
  return system.codeOfStep(z.step);
}

// The value of what a projection results in.
const valueOf = (result) => (typeof result === "number" ? result : result.value);
