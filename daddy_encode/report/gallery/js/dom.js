// Elements are made here and nowhere else: text only as text, URLs only after a check.

/**
 * A URL of the data that may be loaded: relative, so it stays in the copied folder; anything else becomes "".
 * @param {unknown} url
 * @returns {string}
 */
export function safeUrl(url) {
  const relative = typeof url === "string" && /^\.{1,2}\//.test(url) && !/[\\\u0000-\u0020]/.test(url);
  return relative ? url : "";
}

/**
 * An image inside the data; anything that is not one becomes "".
 * @param {unknown} url
 * @returns {string}
 */
export function safeImage(url) {
  return typeof url === "string" && /^data:image\/(?:jpeg|png);base64,[A-Za-z0-9+/=]*$/.test(url) ? url : "";
}

/**
 * Make an element: el("button", {class: "open", onclick: open, "aria-label": "Open"}, "text", child, null).
 * A property that is null, undefined or false is left out, true gives an empty attribute, a function is a listener.
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...unknown} children strings, numbers, nodes, arrays of them; null and false are left out
 * @returns {HTMLElement}
 */
export function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  setProperties(element, properties);
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * The same for drawings: svg("path", {d: "M0 0"}).
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...unknown} children
 * @returns {SVGElement}
 */
export function svg(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  setProperties(element, properties);
  append(element, children);
  return element;
}

/**
 * Give an element other children.
 * @param {Element} element
 * @param {...unknown} children
 */
export function replace(element, ...children) {
  element.textContent = "";
  append(element, children);
}

function setProperties(element, properties) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (/^on|^style$|^srcdoc$/.test(name)) throw new Error(`not an attribute to set: ${name}`);
    else if (name === "src" || name === "href") element.setAttribute(name, safeUrl(value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(typeof child === "object" ? child : String(child));
  }
}
