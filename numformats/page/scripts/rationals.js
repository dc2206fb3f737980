// Rational numbers, exactly: {n, d}, integers of any size, d > 0. They are not reduced until they
// are written, since comparing does not need it.

const rational = (n, d = 1n) => (d < 0n ? { n: -n, d: -d } : { n, d });
const ZERO = rational(0n);

const negated = (a) => ({ n: -a.n, d: a.d });
const magnitude = (a) => (a.n < 0n ? negated(a) : a);
const add = (a, b) => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d });
const subtract = (a, b) => add(a, negated(b));
const multiply = (a, b) => ({ n: a.n * b.n, d: a.d * b.d });
const divide = (a, b) => rational(a.n * b.d, a.d * b.n);

const signOf = (integer) => (integer > 0n) - (integer < 0n);
const compare = (a, b) => signOf(a.n * b.d - b.n * a.d);
const isLess = (a, b) => compare(a, b) < 0;
const isEqual = (a, b) => compare(a, b) === 0;

// a times 2**exponent, of an exponent that is a BigInt.
const scaled = (a, exponent) =>
  exponent >= 0n ? { n: a.n << exponent, d: a.d } : { n: a.n, d: a.d << -exponent };

function floor(a) {
  const quotient = a.n / a.d;
  return a.n < 0n && quotient * a.d !== a.n ? quotient - 1n : quotient;
}

function roundedToInteger(a) {
  const below = floor(a);
  const twice = compare(scaled(subtract(a, rational(below)), 1n), rational(1n));
  return twice > 0 || (twice === 0 && below & 1n) ? below + 1n : below;
}

function bitLength(integer) {
  const text = integer.toString(16);
  return text.length * 4 - Math.clz32(parseInt(text[0], 16)) + 28;
}

// The largest e with 2**e <= a, of a positive number, as a BigInt.
function floorLog2(a) {
  const estimate = BigInt(bitLength(a.n) - bitLength(a.d));
  const isBelow = estimate >= 0n ? a.n >= a.d << estimate : a.n << -estimate >= a.d;
  return isBelow ? estimate : estimate - 1n;
}

const isPowerOfTwo = (integer) => (integer & (integer - 1n)) === 0n;

function greatestCommonDivisor(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

// How often 2 divides an integer that is not zero.
const trailingZeros = (integer) => bitLength(integer & -integer) - 1;

// Integers of more bits than this are not written out, and Euclid's algorithm would take minutes.
const REDUCED_BITS = 20000;

// In lowest terms; of very long numbers, without common factors of 2.
function reduced(a) {
  if (a.n === 0n) return ZERO;
  const twos = BigInt(trailingZeros(a.n | a.d));
  const n = a.n >> twos;
  const d = a.d >> twos;
  if (isPowerOfTwo(d) || bitLength(d) > REDUCED_BITS) return { n, d };
  const divisor = greatestCommonDivisor(d, (n < 0n ? -n : n) % d);
  return { n: n / divisor, d: d / divisor };
}

const bytesOfFloat = new DataView(new ArrayBuffer(8));

// The value of a finite float64.
function fromFloat(x) {
  bytesOfFloat.setFloat64(0, x);
  const word = bytesOfFloat.getBigUint64(0);
  const field = (word >> 52n) & 0x7ffn;
  const trailing = word & 0xfffffffffffffn;
  const significand = field ? trailing | 0x10000000000000n : trailing;
  const value = scaled({ n: significand, d: 1n }, (field || 1n) - 1075n);
  return word >> 63n ? negated(value) : value;
}

// The nearest float64; beyond its range, infinity. Subnormal results may be one unit off.
function toFloat(a) {
  if (a.n === 0n) return 0;
  if (a.n < 0n) return -toFloat(negated(a));
  const shift = 64n - floorLog2(a);
  const { n, d } = scaled(a, shift);
  const quotient = n / d;
  // Of more bits than float64 has, the last one tells whether there is a rest.
  let result = Number(quotient * d === n ? quotient : quotient | 1n);
  for (let left = -Number(shift); left !== 0; ) {
    const step = Math.max(-1000, Math.min(1000, left));
    result *= 2 ** step;
    left -= step;
    if (result === 0 || result === Infinity) break;
  }
  return result;
}
