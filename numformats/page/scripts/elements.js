// Elements of the page, in few words.

const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

let lastNumber = 0;
const newId = () => `e${(lastNumber += 1)}`;

// A labelled control: [element around both, control].
function labelled(text, control, className = "") {
  control.id ||= newId();
  return make("div", { class: className }, make("label", { for: control.id }, text), control);
}

function option(value, text = value) {
  return make("option", { value }, text);
}

// The same element again, with other children, where they differ.
function refill(element, ...children) {
  element.replaceChildren(...children);
}
