// Numbers as people write them: 0.1, 1/3, 1e-3, 0x1.8p-3, inf, nan. What is read is
// {value, negative}: a rational or one of the float64 that are none, and whether its sign is minus,
// which that of -0 and -nan is, too.

// Numbers beyond are beyond all formats, and would take minutes to write out.
const MAX_EXPONENT = 1000000;
const MAX_LENGTH = 10000;

const DECIMAL = /^([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:e([+-]?[0-9]+))?$/;
const FRACTION = /^([+-]?)([0-9]+)\s*\/\s*([0-9]+)$/;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?[0-9]+))?$/;
const SPECIAL = /^([+-]?)(inf|infinity|nan)$/;

function readNumber(text) {
  const plain = text.trim().toLowerCase().replace(/\u2212/g, "-").replace(/(?<=[0-9])_(?=[0-9])/g, "");
  const found =
    plain.length > MAX_LENGTH
      ? null
      : readSpecial(plain) ?? readDecimal(plain) ?? readFraction(plain) ?? readHexadecimal(plain);
  if (found === null) throw new Error(refusalOf(text.trim()));
  return found;
}

function refusalOf(text) {
  if (text === "") return "Type a number: 0.1, 1/3, 1e-3, 0x1.8p-3, inf or nan.";
  const shown = text.length > 24 ? text.slice(0, 24) + "…" : text;
  const comma = /^[+-]?[0-9]+,[0-9]+$/.test(text) ? "; a decimal point is a point here" : "";
  return `“${shown}” is not a number${comma}. Write it as 0.1, 1/3, 1e-3, 0x1.8p-3, inf or nan, with an exponent of a million at most.`;
}

const signed = (sign, value) => ({ value: sign === "-" ? negated(value) : value, negative: sign === "-" });

function readSpecial(text) {
  const match = SPECIAL.exec(text);
  if (match === null) return null;
  const negative = match[1] === "-";
  if (match[2] === "nan") return { value: NaN, negative };
  return { value: negative ? -Infinity : Infinity, negative };
}

function readDecimal(text) {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign, whole = "", after = "", alone = "", exponent = "0"] = match;
  const places = after + alone;
  if (Math.abs(Number(exponent)) > MAX_EXPONENT) return null;
  const power = BigInt(exponent) - BigInt(places.length);
  const digits = BigInt(whole + places);
  const value = power >= 0n ? rational(digits * 10n ** power) : rational(digits, 10n ** -power);
  return signed(sign, value);
}

function readFraction(text) {
  const match = FRACTION.exec(text);
  if (match === null || BigInt(match[3]) === 0n) return null;
  return signed(match[1], rational(BigInt(match[2]), BigInt(match[3])));
}

function readHexadecimal(text) {
  const match = HEXADECIMAL.exec(text);
  if (match === null || match[2] + match[3] === "") return null;
  const exponent = match[4] ?? "0";
  if (Math.abs(Number(exponent)) > MAX_EXPONENT) return null;
  const digits = rational(BigInt("0x" + match[2] + match[3]));
  return signed(match[1], scaled(digits, BigInt(exponent) - 4n * BigInt(match[3].length)));
}
