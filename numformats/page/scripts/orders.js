// The values of a format in their order: its steps, which are integers (BigInt), and between every
// two a boundary, at which rounding to nearest changes sides. An order says
//
//   valueOfStep(step)       the value, a rational
//   neighbours(x)           the steps below and above a number, twice the same if it is a value
//   sideOfBoundary(step, x) whether x is below (-1), at (0) or above (1) the boundary above a step
//   boundary(step)          that boundary: {exact}, or {near} of an irrational one
//   beside(step, towards)   the next step above (1n) or below (-1n)
//
// Three kinds are enough for all formats, and a fourth for powers.

// What three of them share, whose steps are counted one by one from `first` to `last`.
function counted(order) {
  order.beside = (step, towards) => step + towards;
  order.neighbours = (x) => {
    const below = order.stepBelow(x);
    const isBetween = below < order.last && isLess(order.valueOfStep(below), x);
    return [below, isBetween ? below + 1n : below];
  };
  return order;
}

function withMeans(order) {
  order.boundary = (step) => {
    const sum = add(order.valueOfStep(step), order.valueOfStep(order.beside(step, 1n)));
    return { exact: scaled(sum, -1n) };
  };
  order.sideOfBoundary = (step, x) => compare(x, order.boundary(step).exact);
  return order;
}

// Evenly spaced in each binade, and alike in all of them: floating and fixed point. Steps go on
// beyond the largest value.
function latticeOrder(given) {
  const { floating, gradual, has_zero: hasZero, flushes } = {
    ...{ floating: true, gradual: true, has_zero: true, flushes: false },
    ...given,
  };
  const trailing = BigInt(given.trailing_bits);
  const lowestQuantum = BigInt(given.lowest_quantum);
  const one = 1n << trailing;
  const smallestStep = flushes ? one : hasZero ? 1n : 0n;

  function size(step) {
    if (!floating) return scaled({ n: step, d: 1n }, lowestQuantum);
    if (hasZero && step < smallestStep) return ZERO;
    const field = step >> trailing;
    const rest = step & (one - 1n);
    if (field === 0n && gradual) return scaled({ n: rest, d: 1n }, lowestQuantum);
    return scaled({ n: rest + one, d: 1n }, lowestQuantum + field - 1n);
  }

  function stepBelowSize(x) {
    if (!floating) return floor(scaled(x, -lowestQuantum));
    if (x.n === 0n) return 0n;
    const exponent = floorLog2(x);
    const lowest = lowestQuantum + trailing;
    const quantum = (gradual && exponent < lowest ? lowest : exponent) - trailing;
    const step = ((quantum - lowestQuantum) << trailing) + floor(scaled(x, -quantum));
    return hasZero && step < smallestStep ? 0n : step;
  }

  function beside(step, towards) {
    const next = step + towards;
    const isSkipped = hasZero && next !== 0n && next < smallestStep && next > -smallestStep;
    return isSkipped ? (step ? 0n : towards * smallestStep) : next;
  }

  return withMeans({
    isLattice: true,
    isPositive: !hasZero,
    beside,
    valueOfStep: (step) => (step < 0n && hasZero ? negated(size(-step)) : size(step)),
    neighbours(x) {
      if (x.n === 0n && hasZero) return [0n, 0n];
      const inward = stepBelowSize(magnitude(x));
      const outward = isEqual(size(inward), magnitude(x)) ? inward : beside(inward, 1n);
      return x.n < 0n ? [-outward, -inward] : [inward, outward];
    },
    smallestStep,
    smallestNormalStep: floating && gradual ? one : smallestStep,
    significandIsOdd: (step) => (trailing ? (step & 1n) === 1n : step !== 0n || !hasZero),
  });
}

// A straight piece for each exponent, of a width of its own: posits and takums.
function taperOrder(given, first, last) {
  const starts = given.starts.map(fromFloat);
  const widths = given.widths.map(BigInt);
  const lowestExponent = BigInt(given.lowest_exponent);

  function binadeOf(place) {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compare(starts[middle], place) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function size(place) {
    const found = binadeOf(place);
    const part = scaled(subtract(place, starts[found]), -widths[found]);
    return scaled(add(rational(1n), part), lowestExponent + BigInt(found));
  }

  function placeOf(x) {
    if (x.n === 0n) return ZERO;
    const exponent = floorLog2(x);
    const index = exponent - lowestExponent;
    if (index < 0n) return ZERO;
    const isBeyond = index >= BigInt(starts.length);
    const found = isBeyond ? starts.length - 1 : Number(index);
    const part = isBeyond ? rational(1n) : subtract(scaled(x, -exponent), rational(1n));
    return add(starts[found], scaled(part, widths[found]));
  }

  const valueAt = (place) =>
    place.n === 0n ? ZERO : place.n < 0n ? negated(size(negated(place))) : size(place);

  function boundary(step) {
    // Beside zero it is zero: no other number becomes that.
    if (step === 0n || step === -1n) return { exact: ZERO };
    return { exact: valueAt({ n: 2n * step + 1n, d: 2n }) };
  }

  return counted({
    first,
    last,
    valueOfStep: (step) => valueAt(rational(step)),
    stepBelow(x) {
      const place = placeOf(magnitude(x));
      let step = floor(x.n < 0n ? negated(place) : place);
      // A place between zero and the smallest value may be 0, too.
      if (x.n < 0n && place.n === 0n) step -= 1n;
      return step < first ? first : step > last ? last : step;
    },
    boundary,
    sideOfBoundary: (step, x) => compare(x, boundary(step).exact),
  });
}

function searched(order) {
  order.stepBelow = (x) => {
    let { first: low, last: high } = order;
    while (low < high) {
      const middle = (low + high + 1n) >> 1n;
      if (compare(order.valueOfStep(middle), x) <= 0) low = middle;
      else high = middle - 1n;
    }
    return low;
  };
  return counted(order);
}

// Any values, each listed; before and after them, what stands for infinities in rounding.
function tableOrder(values, first) {
  return withMeans(
    searched({
      first,
      last: first + BigInt(values.length) - 1n,
      valueOfStep: (step) => values[Number(step - first)],
    }),
  );
}

// Zero, and positive and negative powers of a base; boundaries are such powers, too.
function powerOrder(given) {
  const exponents = unrolled(given.exponents);
  const count = exponents.length / 2;
  const fractionBits = BigInt(given.fraction_bits);
  const powers = [];
  const values = [];
  const power = (i) => (powers[i] ??= makePower(given.base, BigInt(exponents[i]), fractionBits));
  const size = (number) =>
    number === 0 ? ZERO : (values[number] ??= fromFloat(power(2 * number - 1).nearestFloat()));
  // Of the boundary above a step: its place among the exponents, and whether it is negative.
  const boundaryPlace = (step) => {
    const number = Number(step) - count;
    return number >= 0 ? [2 * number, false] : [2 * (-1 - number), true];
  };
  return searched({
    first: 0n,
    last: BigInt(2 * count),
    valueOfStep(step) {
      const number = Number(step) - count;
      return number < 0 ? negated(size(-number)) : size(number);
    },
    boundary(step) {
      const [i, isNegative] = boundaryPlace(step);
      if (exponents[i] === null) return { exact: ZERO };
      const near = power(i).nearestFloat();
      return { near: isNegative ? -near : near };
    },
    sideOfBoundary(step, x) {
      const [i, isNegative] = boundaryPlace(step);
      if (exponents[i] === null) return signOf(x.n);
      return isNegative ? -power(i).sideOf(negated(x)) : power(i).sideOf(x);
    },
  });
}

// Numbers that are given as runs of equal differences.
function unrolled(runs) {
  return runs.flatMap(([start, difference, count]) =>
    start === null ? [null] : Array.from({ length: count }, (_, i) => start + i * difference),
  );
}
