// What the tests ask the page's functions, a whole format at a time. Numbers go in as float64, codes
// come out as uint32, both in base64.

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const textOf = (array) => {
  const bytes = new Uint8Array(array.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
};

function asRead(x) {
  return Number.isFinite(x)
    ? { value: page.fromFloat(x), negative: x < 0 || Object.is(x, -0) }
    : { value: x, negative: x < 0 };
}

// The codes of float64 numbers in each of some modes. The sign of NaN does not come through.
function encodeFloats({ name, floats, modes }) {
  const system = page.systemOf(name);
  const numbers = Array.from(new Float64Array(bytesOf(floats).buffer), asRead);
  return modes.map((mode) => {
    const draws = mode.draws && new Uint32Array(bytesOf(mode.draws).buffer);
    const isWrap = mode.saturation === "wrap";
    const codes = numbers.map((number, i) => {
      if (isWrap && typeof number.value === "number") return 0;
      return Number(page.project(number, system, draws ? { ...mode, draw: draws[i] } : mode).code);
    });
    return textOf(Uint32Array.from(codes));
  });
}

// The codes of numbers as text in one mode.
function encodeTexts({ name, texts, mode }) {
  const system = page.systemOf(name);
  return texts.map((text) => page.project(page.readNumber(text), system, mode).code.toString());
}

// The values of codes, exactly, as text.
function decodeCodes({ name, codes }) {
  const system = page.systemOf(name);
  return codes.map((code) => {
    const value = system.valueOfCode(BigInt(code));
    if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
    const { n, d } = page.reduced(value);
    return `${n}/${d}`;
  });
}
