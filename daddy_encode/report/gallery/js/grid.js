// Where each card lies, by arithmetic: so that of thousands only those in view need be in the page.

/**
 * @typedef {{top: number, height: number, first: number, count: number}} Section `first` is the place of its first card
 *   among all; a closed one has no cards
 * @typedef {{columns: number, cardWidth: number, pictureHeight: number, cardHeight: number, gap: number,
 *   heading: number, height: number, count: number, sections: Section[]}} Layout lengths in CSS pixels
 */

/**
 * @param {{width: number, least: number, gap: number, heading: number, text: number,
 *   sections: {count: number, open: boolean}[]}} wanted `least` is the least width of a card, `text` the height of what
 *   stands under its picture, `heading` that of a section's heading, 0 for none
 * @returns {Layout}
 */
export function layoutOf({ width, least, gap, heading, text, sections }) {
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const cardWidth = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  const pictureHeight = Math.round((cardWidth * 3) / 4);
  const cardHeight = pictureHeight + text;
  let top = 0;
  let first = 0;
  const placed = sections.map(({ count, open }) => {
    const shown = open ? count : 0;
    const height = heading + Math.ceil(shown / columns) * (cardHeight + gap);
    const section = { top, height, first, count: shown };
    top += height;
    first += shown;
    return section;
  });
  return { columns, cardWidth, pictureHeight, cardHeight, gap, heading, height: top, count: first, sections: placed };
}

/**
 * What lies between two heights.
 * @param {Layout} layout
 * @param {number} top
 * @param {number} bottom
 * @returns {{section: number, from: number, to: number}[]} sections in view, with their cards as a range of places among
 *   all cards, without `to`
 */
export function windowOf(layout, top, bottom) {
  const { sections, columns, cardHeight, gap, heading } = layout;
  const found = [];
  for (let number = firstBelow(sections, top); number < sections.length && sections[number].top < bottom; number += 1) {
    const section = sections[number];
    const start = section.top + heading;
    const row = (height) => Math.floor((height - start) / (cardHeight + gap));
    const from = Math.min(section.count, Math.max(0, row(top)) * columns);
    const to = Math.max(from, Math.min(section.count, (row(bottom) + 1) * columns));
    found.push({ section: number, from: section.first + from, to: section.first + to });
  }
  return found;
}

/**
 * Where keys begin: at the card that was gone to last, or if one has scrolled away from it, at the first in sight.
 * @param {Layout} layout
 * @param {number} active place of a card
 * @param {number} top
 * @param {number} bottom
 * @returns {number} a place; 0 where there is no card
 */
export function inSightFrom(layout, active, top, bottom) {
  if (layout.count === 0) return 0;
  const isSeen = (place) => {
    const box = boxOf(layout, place);
    const height = layout.sections[box.section].top + box.top;
    return height >= top && height < bottom;
  };
  if (isSeen(active)) return active;
  for (const { from, to } of windowOf(layout, top, bottom)) {
    for (let place = from; place < to; place += 1) if (isSeen(place)) return place;
  }
  return active;
}

/**
 * @param {Layout} layout
 * @param {number} place
 * @returns {{section: number, left: number, top: number}} `top` is counted from the top of its section
 */
export function boxOf(layout, place) {
  const section = sectionOf(layout, place);
  const local = place - layout.sections[section].first;
  return {
    section,
    left: (local % layout.columns) * (layout.cardWidth + layout.gap),
    top: layout.heading + Math.floor(local / layout.columns) * (layout.cardHeight + layout.gap),
  };
}

/**
 * @param {Layout} layout
 * @param {number} place
 * @returns {number} the number of the section that holds it
 */
export function sectionOf(layout, place) {
  let low = 0;
  let high = layout.sections.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (layout.sections[middle].first <= place) low = middle;
    else high = middle - 1;
  }
  while (low > 0 && layout.sections[low].count === 0) low -= 1;
  return low;
}

/**
 * The card to which a key leads.
 * @param {Layout} layout
 * @param {number} place
 * @param {string} key as in KeyboardEvent.key
 * @param {number} rows how many rows a page has
 * @returns {number} the same place where there is none in that direction
 */
export function move(layout, place, key, rows) {
  const last = layout.count - 1;
  if (last < 0) return 0;
  if (key === "ArrowLeft") return Math.max(0, place - 1);
  if (key === "ArrowRight") return Math.min(last, place + 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  let now = place;
  const times = key === "PageUp" || key === "PageDown" ? Math.max(1, rows) : 1;
  const down = key === "ArrowDown" || key === "PageDown";
  for (let time = 0; time < times; time += 1) now = down ? below(layout, now) : above(layout, now);
  return now;
}

function below(layout, place) {
  const { columns } = layout;
  const section = sectionOf(layout, place);
  const { first, count } = layout.sections[section];
  const local = place - first;
  if (Math.floor(local / columns) < Math.floor((count - 1) / columns)) return first + Math.min(local + columns, count - 1);
  const next = layout.sections.slice(section + 1).find((one) => one.count > 0);
  return next === undefined ? place : next.first + Math.min(local % columns, next.count - 1);
}

function above(layout, place) {
  const { columns } = layout;
  const section = sectionOf(layout, place);
  const local = place - layout.sections[section].first;
  if (local >= columns) return place - columns;
  const before = layout.sections.slice(0, section).reverse().find((one) => one.count > 0);
  if (before === undefined) return place;
  const lastRow = Math.floor((before.count - 1) / columns) * columns;
  return before.first + Math.min(lastRow + (local % columns), before.count - 1);
}

// The first section whose end lies below a height.
function firstBelow(sections, top) {
  let low = 0;
  let high = sections.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sections[middle].top + sections[middle].height <= top) low = middle + 1;
    else high = middle;
  }
  return low;
}
