// The formats that the page knows, by name: those of the library, and one's own.

const DATA = JSON.parse(document.getElementById("data").textContent);
const P3109 = "IEEE P3109";
const GIVEN = new Map(DATA.families.flatMap(({ formats }) => formats).map((given) => [given.name, given]));
const FAMILY = new Map(DATA.families.flatMap(({ title, formats }) => formats.map(({ name }) => [name, title])));
const systems = new Map();

// The system of a name; an Error that says the way out of one that is none.
function systemOf(name) {
  if (!systems.has(name)) {
    const parameters = customParameters(name);
    if (!GIVEN.has(name) && parameters === null) throw new Error(unknownFormat(name));
    systems.set(name, makeSystem(GIVEN.get(name) ?? describeFloat(parameters)));
  }
  return systems.get(name);
}

// Why a name stands for no format, or null.
function faultOf(name) {
  try {
    systemOf(name);
    return null;
  } catch (error) {
    return error.message;
  }
}

// The name of a format that a name, or an alias, in any case stands for.
function properName(name) {
  const lower = name.toLowerCase();
  return DATA.aliases[lower] ?? (GIVEN.has(lower) ? lower : name);
}

function unknownFormat(name) {
  const lower = name.toLowerCase();
  // Names of P3109 are only candidates for what looks like one, or they would drown all others.
  const candidates = [...GIVEN.keys()].filter((known) => lower.startsWith("binary") || FAMILY.get(known) !== P3109);
  // What begins like it is near, however long it is.
  const rank = (known) => (lower !== "" && known.startsWith(lower) ? 0 : distance(lower, known));
  const ranked = [...candidates, ...Object.keys(DATA.aliases)].map((known) => [rank(known), known]);
  const [, nearest] = ranked.reduce((a, b) => (b[0] < a[0] ? b : a));
  return `There is no format “${name.slice(0, 40)}” here; did you mean ${nearest}?`;
}

// How many letters have to be put in, taken out or changed.
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

// P3109's names say all of a format.
const P3109_NAME = /^binary(\d+)p(\d+)([su])([ef])$/;

function p3109Parameters(name) {
  const match = P3109_NAME.exec(name);
  return match && { bits: Number(match[1]), precision: Number(match[2]), signed: match[3] === "s", extended: match[4] === "e" };
}

const p3109Name = ({ bits, precision, signed, extended }) => `binary${bits}p${precision}${signed ? "s" : "u"}${extended ? "e" : "f"}`;
