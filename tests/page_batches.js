// What the tests ask the page's functions, a whole format at a time. Numbers go in as float64, codes
// come out as uint32, both in base64.

const page = globalThis.numformats;
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function textOf(array) {
  const bytes = new Uint8Array(array.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
}

function asRead(x) {
  if (!Number.isFinite(x)) return { value: x, negative: x < 0 };
  return { value: page.fromFloat(x), negative: x < 0 || Object.is(x, -0) };
}

function tellExactly(value) {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  const { n, d } = page.reduced(value);
  return `${n.toString(16)}/${d.toString(16)}`;
}

function readExactly(text) {
  const [, sign, n, d] = /^(-?)([0-9a-f]+)\/([0-9a-f]+)$/.exec(text);
  const size = BigInt(`0x${n}`);
  return { value: { n: sign ? -size : size, d: BigInt(`0x${d}`) }, negative: sign === "-" };
}

const BATCHES = {
  // The codes of float64 numbers, some for each of some modes, whose `draws` are R for each number.
  encodeFloats({ name, modes }) {
    const system = page.systemOf(name);
    return modes.map((mode) => {
      const numbers = Array.from(new Float64Array(bytesOf(mode.floats).buffer), asRead);
      const draws = mode.draws && new Uint32Array(bytesOf(mode.draws).buffer);
      const codes = numbers.map((number, i) =>
        Number(page.project(number, system, draws ? { ...mode, draw: draws[i] } : mode).code),
      );
      return textOf(Uint32Array.from(codes));
    });
  },
  // The codes of numbers as text, each in a mode of its own.
  encodeTexts({ name, texts }) {
    const system = page.systemOf(name);
    return texts.map(([text, mode]) => Number(page.project(page.readNumber(text), system, mode).code));
  },
  // The same of fractions in hexadecimal.
  encodeFractions({ name, fractions }) {
    const system = page.systemOf(name);
    return fractions.map(([text, mode]) => Number(page.project(readExactly(text), system, mode).code));
  },
  // The values of codes, exactly.
  decodeCodes({ name, codes }) {
    const system = page.systemOf(name);
    return codes.map((code) => tellExactly(system.valueOfCode(BigInt(code))));
  },
  // What is read of a text, and the sign; null of what is refused.
  readTexts({ texts }) {
    return texts.map((text) => {
      try {
        const { value, negative } = page.readNumber(text);
        return [tellExactly(value), negative];
      } catch {
        return null;
      }
    });
  },
  // Numbers as the page writes them.
  writeNumbers({ texts }) {
    return texts.map((text) => {
      const { value } = page.readNumber(text);
      return { readable: page.readableText(value), decimal: page.exactDecimal(value), near: page.nearDecimal(value), float: page.toFloat(value) };
    });
  },
  // Own formats as the page describes them; null of what is refused.
  describeFloats({ given }) {
    return given.map((parameters) => {
      try {
        return page.describeFloat(parameters);
      } catch {
        return null;
      }
    });
  },
};
return BATCHES[question](asked);
