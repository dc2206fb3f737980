// How the bits of a code fall into fields, and how they are read. Each kind of format has a function
// from a code, as a string of bits, to fields [name, width, look] from the top.

const FIELDS = {
  float(bits, { exponent }, isSigned) {
    const rest = bits.length - exponent - Number(isSigned);
    const fields = [["exponent", exponent, "exponent"], ["significand", rest, "significand"]];
    return isSigned ? [["sign", 1, "sign"], ...fields] : fields;
  },
  integer(bits, _, isSigned) {
    const rest = bits.length - Number(isSigned);
    const value = ["integer", rest, "significand"];
    return isSigned ? [["sign", 1, "sign"], value] : [value];
  },
  posit(bits, { es }) {
    const regime = /^(0+1?|1+0?)/.exec(bits.slice(1))[0].length;
    const exponent = Math.min(es, bits.length - 1 - regime);
    const rest = bits.length - 1 - regime - exponent;
    return [["sign", 1, "sign"], ["regime", regime, "other"], ["exponent", exponent, "exponent"], ["fraction", rest, "significand"]];
  },
  takum(bits) {
    const regime = parseInt(bits.slice(2, 5), 2);
    const length = Math.min(bits[1] === "1" ? regime : 7 - regime, bits.length - 5);
    return [
      ["sign", 1, "sign"],
      ["dir.", 1, "other"],
      ["regime", 3, "other"],
      ["characteristic", length, "exponent"],
      ["fraction", bits.length - 5 - length, "significand"],
    ];
  },
  hifloat8(bits) {
    const dots = { 11: 4, 10: 3, "01": 2, "001": 1, "0001": 0 };
    const dot = Object.keys(dots).find((start) => bits.startsWith(start, 1)) ?? "0000";
    const exponent = dot === "0000" ? 3 : dots[dot];
    const rest = 7 - dot.length - exponent;
    return [["sign", 1, "sign"], ["dot", dot.length, "other"], ["exponent", exponent, "exponent"], ["mantissa", rest, "significand"]];
  },
  logarithm: (bits) => [["sign", 1, "sign"], ["logarithm to base 2", bits.length - 1, "exponent"]],
  entry: (bits) => [["place in the list", bits.length, "other"]],
};

const bitsOf = (code, system) => code.toString(2).padStart(system.bits, "0");

function fieldsOf(code, system) {
  const { fields } = system.given;
  const bits = bitsOf(code, system);
  return FIELDS[fields.kind](bits, fields, system.signed).filter(([, width]) => width > 0);
}

// The value of a code as a formula of its fields, where that is short; else nothing. As what is put
// into an element.
function readingOf(code, system) {
  const value = system.valueOfCode(code);
  const { kind } = system.given.fields;
  if (typeof value === "number" && value !== 0) return [];
  if (kind === "float") return floatReading(code, system, typeof value === "number" || value.n < 0n);
  return kind === "integer" ? integerReading(code, system) : [];
}

function floatReading(code, system, isNegative) {
  const { exponent, bias } = system.given.fields;
  const { lattice } = system.given;
  const trailing = BigInt(lattice.trailing_bits);
  const field = (code >> trailing) & ((1n << BigInt(exponent)) - 1n);
  const rest = code & ((1n << trailing) - 1n);
  const sign = isNegative ? MINUS : "";
  const part = `${rest}/${1n << trailing}`;
  const isBelow = field === 0n && (lattice.gradual ?? true);
  const power = make("sup", {}, `${isBelow ? 1 : field} ${bias < 0 ? "+" : MINUS} ${Math.abs(bias)}`);
  const significand = isBelow ? ` × ${part}` : trailing ? ` × (1 + ${part})` : "";
  return [`read as ${sign}2`, power, significand];
}

function integerReading(code, system) {
  const top = 1n << BigInt(system.bits - 1);
  return !system.signed || code < top ? [] : [`read as ${MINUS}${top} + ${code - top}`];
}
