// A number system: the order of its values, and the codes that stand for them. Codes are BigInt.
// A place is {step, value}; what is no place is Infinity, -Infinity, NaN or -0.

function makeSystem(given) {
  const codes = given.lattice || given.taper ? stepCodes(given) : listedCodes(given);
  const system = { ...codes, name: given.name, bits: given.bits, given };
  const { order } = codes;
  system.place = (step) => ({ step, value: order.valueOfStep(step) });
  system.lowest = system.place(BigInt(given.lowest));
  system.highest = system.place(BigInt(given.highest));
  system.signed = system.lowest.value.n < 0n;
  system.hasInfinity = given.infinity !== undefined;
  system.hasNaN = given.nan !== undefined;
  system.overflow = given.overflow;
  system.isLattice = order.isLattice === true;
  // In a lattice, of a step beyond the ends, too, which has no code.
  system.isOdd = (step) => ((system.isLattice ? step : codes.codeOfStep(step)) & 1n) === 1n;
  system.codeOfInfinity = (negative) => codes.codeOfInfinity(negative);
  system.codeOfNaN = (negative) => BigInt(given.nan[negative ? 1 : 0]);
  system.hasNegativeZero = given.negative_zero !== undefined;
  system.smallestPositive = smallestPositive(system);
  return system;
}

function smallestPositive(system) {
  if (system.order.isPositive) return system.lowest;
  const [, zeroOrAbove] = system.order.neighbours(ZERO);
  const isPositive = system.order.valueOfStep(zeroOrAbove).n > 0n;
  return system.place(isPositive ? zeroOrAbove : system.order.beside(zeroOrAbove, 1n));
}

// Where a code is its step: with a sign bit, or in two's complement.
function stepCodes(given) {
  const range = [BigInt(given.lowest), BigInt(given.highest)];
  const order = given.lattice ? latticeOrder(given.lattice) : taperOrder(given.taper, ...range);
  const isComplement = given.taper !== undefined || given.lattice.complement === true;
  return isComplement ? complementCodes(given, order) : signedCodes(given, order);
}

function complementCodes(given, order) {
  const all = 1n << BigInt(given.bits);
  const isSigned = given.lowest < 0;
  const nan = given.nan === undefined ? null : BigInt(given.nan[0]);
  return {
    order,
    codeOfStep: (step) => ((step % all) + all) % all,
    valueOfCode: (code) =>
      code === nan ? NaN : order.valueOfStep(isSigned && 2n * code >= all ? code - all : code),
  };
}

function signedCodes(given, order) {
  const signBit = given.lowest < 0 ? 1n << BigInt(given.bits - 1) : 0n;
  const highest = BigInt(given.highest);
  const infinity = given.infinity === undefined ? null : BigInt(given.infinity);
  const nan = given.nan === undefined ? null : BigInt(given.nan[0]);
  return {
    order,
    codeOfStep: (step) => (step < 0n ? signBit - step : step),
    codeOfInfinity: (negative) => infinity + (negative ? signBit : 0n),
    valueOfCode(code) {
      const isNegative = (code & signBit) !== 0n;
      const step = isNegative ? code - signBit : code;
      if (code === nan) return NaN;
      if (step === infinity) return isNegative ? -Infinity : Infinity;
      if (step > highest) return NaN;
      const value = order.valueOfStep(step);
      if (!isNegative) return value;
      return value.n === 0n && given.negative_zero !== undefined ? -0 : negated(value);
    },
  };
}

// Where any code may stand for any value.
function listedCodes(given) {
  return given.table ? tableCodes(given) : powerCodes(given);
}

function tableCodes(given) {
  const { values, beyond } = given.table;
  const special = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  const byCode = values.map((value) => (typeof value === "string" ? special[value] : value));
  const firstCode = new Map();
  byCode.forEach((value, code) => {
    if (!firstCode.has(value)) firstCode.set(value, BigInt(code));
  });
  const finite = [...firstCode.keys()].filter(Number.isFinite).sort((a, b) => a - b);
  const points = beyond === undefined ? finite : [-beyond, ...finite, beyond];
  const codeOfInfinity = (negative) => firstCode.get(negative ? -Infinity : Infinity);
  return {
    order: tableOrder(points.map(fromFloat), beyond === undefined ? 0n : -1n),
    codeOfInfinity,
    codeOfStep: (step) => firstCode.get(finite[Number(step)]) ?? codeOfInfinity(step < 0n),
    valueOfCode(code) {
      const value = byCode[Number(code)];
      return Number.isFinite(value) ? fromFloat(value) : value;
    },
  };
}

function powerCodes(given) {
  const order = powerOrder(given.powers);
  const codes = unrolled(given.powers.codes);
  const steps = new Map(codes.map((code, step) => [code, step]));
  return {
    order,
    codeOfStep: (step) => BigInt(codes[Number(step)]),
    valueOfCode: (code) =>
      steps.has(Number(code)) ? order.valueOfStep(BigInt(steps.get(Number(code)))) : NaN,
  };
}
