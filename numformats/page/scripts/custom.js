// A floating-point format of one's own, told as the library tells its formats to the page.
// Parameters: exponent, trailing, bias, signed, infinity, nan (ieee, top, negative_zero, none),
// subnormals (gradual, none, flush).

const CUSTOM_DEFAULT = {
  exponent: 4,
  trailing: 3,
  bias: 7,
  signed: true,
  infinity: true,
  nan: "ieee",
  subnormals: "gradual",
};

function describeFloat(p) {
  refuseParameters(p);
  const bits = Number(p.signed) + p.exponent + p.trailing;
  const signBit = p.signed ? 2 ** (bits - 1) : 0;
  const top = 2 ** (p.exponent + p.trailing) - 1;
  const belowNaN = p.nan === "top" ? top - 1 : top;
  const infinity = p.nan === "ieee" ? top - 2 ** p.trailing + 1 : belowNaN;
  const highest = p.infinity ? infinity - 1 : belowNaN;
  const lattice = { trailing_bits: p.trailing, lowest_quantum: 1 - p.bias - p.trailing };
  if (p.subnormals !== "gradual") lattice.gradual = false;
  if (p.subnormals === "flush") lattice.flushes = true;
  if (highest < (p.subnormals === "flush" ? 2 ** p.trailing : 1)) {
    throw new Error("So few bits leave no code for a positive value beside zero, infinity and NaN.");
  }
  const given = {
    name: customName(p),
    bits,
    lowest: p.signed ? -highest : 0,
    highest,
    overflow: p.infinity ? "infinity" : p.nan === "none" ? "max" : "nan",
    lattice,
    fields: { kind: "float", exponent: p.exponent, bias: p.bias },
  };
  if (p.infinity) given.infinity = infinity;
  const nan = { ieee: top - 2 ** (p.trailing - 1) + 1, top, negative_zero: signBit }[p.nan];
  if (nan !== undefined) given.nan = [nan, p.nan === "negative_zero" ? nan : nan + signBit];
  if (p.signed && p.nan !== "negative_zero") given.negative_zero = signBit;
  return given;
}

function refuseParameters(p) {
  refuseOutside("exponent bits", p.exponent, 1, 16);
  refuseOutside("significand bits", p.trailing, 0, 23);
  refuseOutside("the bias", p.bias, -65536, 65536);
  const bits = Number(p.signed) + p.exponent + p.trailing;
  if (bits > 32) throw new Error(`That makes ${bits} bits; a code has 32 at most.`);
  if (p.nan === "ieee" && p.trailing === 0) {
    throw new Error("NaN as in IEEE 754 needs a significand bit to tell it from infinity; choose another NaN.");
  }
  if (p.nan === "ieee" && !p.infinity) {
    throw new Error("NaN as in IEEE 754 comes with infinity; choose “the top code” for a format without.");
  }
  if (p.nan === "negative_zero" && !p.signed) throw new Error("Without a sign there is no code of −0 for NaN.");
}

function refuseOutside(what, value, low, high) {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new Error(`The number of ${what} is from ${low} to ${high}.`.replace("number of the bias", "bias"));
}

// Its name says all, so that a link can hold it.
function customName(p) {
  const words = [`e${p.exponent}m${p.trailing}`, `bias${p.bias}`];
  if (!p.signed) words.push("unsigned");
  if (p.infinity) words.push("inf");
  if (p.nan !== "none") words.push(`nan-${p.nan}`);
  if (p.subnormals !== "gradual") words.push(p.subnormals === "flush" ? "flush" : "no-subnormals");
  return words.join("_");
}

const CUSTOM_NAME =
  /^e(\d+)m(\d+)_bias(-?\d+)(_unsigned)?(_inf)?(?:_nan-(ieee|top|negative_zero))?(?:_(flush|no-subnormals))?$/;

function customParameters(name) {
  const match = CUSTOM_NAME.exec(name);
  if (match === null) return null;
  const [, exponent, trailing, bias, unsigned, infinity, nan, below] = match;
  return {
    exponent: Number(exponent),
    trailing: Number(trailing),
    bias: Number(bias),
    signed: unsigned === undefined,
    infinity: infinity !== undefined,
    nan: nan ?? "none",
    subnormals: below === undefined ? "gradual" : below === "flush" ? "flush" : "none",
  };
}
