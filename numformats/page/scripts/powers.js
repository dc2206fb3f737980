// Powers of 2 and e with rational exponents: nearly all are irrational, so that they are known by
// an interval, which is made as narrow as a question needs.

const GUARD_BITS = 64n;
// What all errors of a power add up to, in units of its last bit: some hundred of cut-off terms,
// and that of the logarithm of 2, taken a thousand times.
const SLACK = 1n << 20n;

const logarithmsOfTwo = new Map();

// ln 2 * 2**bits, by a formula of three inverse hyperbolic tangents.
function logarithmOfTwo(bits) {
  if (!logarithmsOfTwo.has(bits)) {
    const more = bits + 16n;
    const sum =
      18n * inverseTanh(26n, more) - 2n * inverseTanh(4801n, more) + 8n * inverseTanh(8749n, more);
    logarithmsOfTwo.set(bits, sum >> 16n);
  }
  return logarithmsOfTwo.get(bits);
}

// artanh(1 / m) * 2**bits.
function inverseTanh(m, bits) {
  let power = (1n << bits) / m;
  let sum = 0n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k;
    power /= m * m;
  }
  return sum;
}

// The ends of an interval around base**(numerator / 2**fractionBits), as rationals.
function powerInterval(base, numerator, fractionBits, bits) {
  const unit = bits + GUARD_BITS;
  const logarithm = logarithmOfTwo(unit);
  const exponent = numerator << unit;
  let binade, rest;
  if (base === "2") {
    binade = numerator >> fractionBits;
    rest = (((exponent >> fractionBits) - (binade << unit)) * logarithm) >> unit;
  } else {
    const natural = exponent >> fractionBits;
    binade = floor({ n: natural, d: logarithm });
    rest = natural - binade * logarithm;
  }
  const middle = exponential(rest, unit);
  const ends = [middle - SLACK, middle + SLACK];
  return ends.map((end) => scaled({ n: end, d: 1n }, binade - unit));
}

// e to the power of a number from 0 to 1, in fixed point.
function exponential(rest, bits) {
  let term = 1n << bits;
  let sum = 0n;
  for (let k = 1n; term !== 0n; k += 1n) {
    sum += term;
    term = ((term * rest) >> bits) / k;
  }
  return sum;
}

// A positive power of a base, whose answers are exact.
function makePower(base, numerator, fractionBits) {
  const intervals = [];
  const interval = (k) => (intervals[k] ??= powerInterval(base, numerator, fractionBits, 64n << BigInt(k)));
  return {
    // On which side of it a rational lies; that of an irrational one is never 0.
    sideOf(x) {
      for (let k = 0; ; k += 1) {
        const [low, high] = interval(k);
        if (compare(x, low) <= 0) return -1;
        if (compare(x, high) >= 0) return 1;
      }
    },
    nearestFloat() {
      for (let k = 0; ; k += 1) {
        const [low, high] = interval(k).map(toFloat);
        if (low === high) return low;
      }
    },
  };
}
