// Exact numbers as text. A value is a rational, or one of Infinity, -Infinity, NaN and -0.

const MINUS = "\u2212";
const LONGEST_DECIMAL = 18;
// Enough to tell neighbours apart, of up to 32 bits of precision.
const NEAR_DIGITS = 10;

const withMinus = (text) => text.replace(/^-/, MINUS);

// The decimal that is the number, if it has one of so many characters, else null.
function exactDecimal(a, longest = LONGEST_DECIMAL) {
  const { n, d } = reduced(a);
  const size = n < 0n ? -n : n;
  // Neither so many digits before the point, nor after it.
  if (bitLength(size) > 4 * longest + 60 || bitLength(d) > 4 * longest + 60) return null;
  let places = 0;
  let power = 1n;
  while (power % d) {
    power *= 10n;
    if (++places > longest) return null;
  }
  const digits = ((size * power) / d).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const text = places ? `${whole}.${digits.slice(-places)}` : whole;
  return text.length > longest ? null : (n < 0n ? "-" : "") + text;
}

// So many significant digits, with an exponent where the number is large or small.
function nearDecimal(a, digits = 6) {
  if (a.n === 0n) return "0";
  const size = magnitude(a);
  let exponent = Math.floor(Number(floorLog2(size)) * Math.LOG10E * Math.LN2);
  let whole = wholeDigits(size, exponent, digits);
  if (whole >= 10n ** BigInt(digits)) whole = wholeDigits(size, ++exponent, digits);
  const text = whole.toString();
  const sign = a.n < 0n ? "-" : "";
  const trimmed = text.replace(/0+$/, "");
  if (exponent >= -4 && exponent < digits) {
    const plain = exponent < 0 ? "0".repeat(-exponent) + trimmed : trimmed.padEnd(exponent + 1, "0");
    const point = Math.max(exponent, 0) + 1;
    return sign + (plain.length > point ? `${plain.slice(0, point)}.${plain.slice(point)}` : plain);
  }
  const rest = trimmed.length > 1 ? "." + trimmed.slice(1) : "";
  return `${sign}${trimmed[0]}${rest}e${exponent}`;
}

function wholeDigits(size, exponent, digits) {
  const power = BigInt(digits - 1 - exponent);
  const ten = 10n ** (power < 0n ? -power : power);
  return roundedToInteger(power < 0n ? { n: size.n, d: size.d * ten } : { n: size.n * ten, d: size.d });
}

// An odd integer times a power of two, of a binary fraction.
function inPowersOfTwo(a) {
  const { n, d } = reduced(a);
  const twos = n === 0n ? 0 : trailingZeros(n);
  const odd = n >> BigInt(twos);
  const power = `2${superscript(twos - (bitLength(d) - 1))}`;
  return odd === 1n ? power : odd === -1n ? `-${power}` : `${odd} × ${power}`;
}

const superscript = (integer) => String(integer).replace(/[-0-9]/g, (letter) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(letter)]);

function specialText(value) {
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "-0";
  return value < 0 ? "-infinity" : "infinity";
}

// A value as people read it: exactly where that is short, else with a sign that it is not.
function valueText(value) {
  if (typeof value === "number") return withMinus(specialText(value));
  return withMinus(exactDecimal(value) ?? `≈ ${withMinus(nearDecimal(value, NEAR_DIGITS))}`);
}

// The same without ≈, for pictures and tables.
function shortText(value, digits = 6, longest = 11) {
  if (typeof value === "number") return withMinus(specialText(value).replace("infinity", "inf"));
  const exact = exactDecimal(value, longest);
  return withMinus(exact ?? nearDecimal(value, digits));
}

// Exactly, as a fraction or with a power of two; null where the decimal says it already.
function exactText(value) {
  if (typeof value === "number" || exactDecimal(value) !== null) return null;
  const { n, d } = reduced(value);
  if (!isPowerOfTwo(d) && bitLength(n) + bitLength(d) > 200) return null;
  const text = isPowerOfTwo(d) ? inPowersOfTwo(value) : `${n}/${d}`;
  return text.length > 60 ? null : withMinus(text);
}

// What `readNumber` reads as this value.
function readableText(value) {
  if (typeof value === "number") return specialText(value).replace("infinity", "inf").replace("NaN", "nan");
  const decimal = exactDecimal(value);
  if (decimal !== null) return decimal;
  const { n, d } = reduced(value);
  if (!isPowerOfTwo(d)) return `${n}/${d}`;
  return hexadecimalText(n, d);
}

function hexadecimalText(n, d) {
  const size = n < 0n ? -n : n;
  const exponent = bitLength(size) - 1;
  const places = Math.ceil(exponent / 4);
  const digits = (size << BigInt(4 * places - exponent)).toString(16);
  const after = digits.slice(1).replace(/0+$/, "");
  return `${n < 0n ? "-" : ""}0x1${after && "."}${after}p${exponent - (bitLength(d) - 1)}`;
}

const codeText = (code, bits) => "0x" + code.toString(16).padStart(Math.ceil(bits / 4), "0");

function percentText(a) {
  const percent = nearDecimal(multiply(a, rational(100n)), 3);
  return `${withMinus(percent)} %`;
}
