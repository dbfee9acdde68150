// Tables as text, for spreadsheets: what `daddy-encode log --csv` does with a text, this does, too.

/** A spreadsheet takes a text that begins with one of these for a formula; the last four are the full-width forms. */
const FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20";

/**
 * A value for a cell: a text is one line and no formula, numbers stay numbers.
 * @param {string|number|boolean|null|undefined} value
 * @returns {string|number}
 */
export function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return value;
  const text = String(value);
  return FORMULA_STARTS.includes(text.charAt(0)) && text !== "" ? `'${oneLine(text)}` : oneLine(text);
}

/**
 * @param {(string|number|boolean|null|undefined)[][]} rows
 * @returns {string} as RFC 4180 has it
 */
export function toCsv(rows) {
  return rows.map((row) => `${row.map(csvCell).map(quotedCell).join(",")}\r\n`).join("");
}

/**
 * @param {(string|number|boolean|null|undefined)[][]} rows
 * @returns {string} for the clipboard: what a spreadsheet takes as cells when it is pasted
 */
export function toTsv(rows) {
  return rows.map((row) => row.map(csvCell).join("\t")).join("\n");
}

const quotedCell = (cell) => (typeof cell === "string" && /[",\r\n]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : String(cell));

// As daddy_encode.errors.one_line.
function oneLine(text) {
  return text.replace(/[\p{C}\p{Z}]/gu, (character) => (character === " " ? " " : escaped(character)));
}

const SHORT = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

function escaped(character) {
  if (SHORT.has(character)) return SHORT.get(character);
  const code = character.codePointAt(0);
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}
