// How large a picture is shown in a box. Pure.

/** Up to this size, in pixels of the longer side, a picture is small: its pixels are shown as sharp squares. */
export const SMALL = 320;
// Larger ones are enlarged smoothly, and no further: they have no more to show.
const LARGEST_ZOOM = 2;
// What is shown smaller than its pixels fills that much of its place, or is not sharp.
const ENOUGH = 0.75;

/**
 * @param {{width: number, height: number}} picture
 * @param {{width: number, height: number}} box
 * @param {number} density  pixels of the screen per CSS pixel
 * @returns {{width: number, height: number, sharp: boolean}}  CSS pixels; sharp: whole pixels of the screen for each
 */
export function fit(picture, box, density = 1) {
  const zoom = Math.min(box.width / picture.width, box.height / picture.height);
  const small = Math.max(picture.width, picture.height) <= SMALL;
  const whole = Math.floor(zoom * density) / density;
  // Of fine screens half of a small place would stay empty.
  const sharp = small && whole > 0 && (whole >= 1 || whole > ENOUGH * zoom);
  const factor = sharp ? whole : Math.min(zoom, LARGEST_ZOOM);
  return { width: picture.width * factor, height: picture.height * factor, sharp };
}

// How wide columns are, and how high the place of a picture in each is, where all rows are to be seen at once.
function placesIn(columns, count, box, { gap, extra }) {
  const rows = Math.ceil(count / columns);
  return { width: (box.width - gap * (columns - 1)) / columns, height: (box.height - gap * (rows - 1)) / rows - extra };
}

/**
 * How high the places of pictures are in so many columns: as all of them fit, and no higher than the largest is then; but
 * not lower than can be seen, rather does the page scroll.
 * @param {{width: number, height: number}[]} pictures
 * @param {{width: number, height: number, scrolled: number}} box  for all of them; scrolled: height for one row
 * @param {number} columns
 * @param {{gap: number, extra: number, lowest: number}} around  gap between places; extra: height of the text of each row;
 *   the lowest place
 * @param {number} [density]  pixels of the screen per CSS pixel
 * @returns {number}
 */
export function placeHeight(pictures, box, columns, around, density = 1) {
  const { width, height } = placesIn(columns, pictures.length, box, around);
  const place = { width, height: height >= around.lowest ? height : Math.max(around.lowest, box.scrolled - around.extra) };
  return Math.max(...pictures.map((picture) => fit(picture, place, density).height));
}

/**
 * In how many columns pictures are largest, none of the columns narrower than can be read.
 * @param {{width: number, height: number}[]} pictures
 * @param {{width: number, height: number}} box  for all of them
 * @param {{gap: number, extra: number, lowest: number, narrowest: number}} around  see placeHeight; narrowest column
 * @param {number} [density]
 * @returns {number}
 */
export function bestColumns(pictures, box, around, density = 1) {
  const { gap, lowest, narrowest } = around;
  const most = Math.max(1, Math.min(pictures.length, Math.floor((box.width + gap) / (narrowest + gap))));
  let best = { columns: most, size: 0 };
  for (let columns = 1; columns <= most; columns += 1) {
    const place = placesIn(columns, pictures.length, box, around);
    if (place.height < lowest) continue;
    const size = pictures.reduce((sum, picture) => {
      const shown = fit(picture, place, density);
      // Of what is shown in one size, by whole pixels, more room is a little better.
      return sum + shown.width * shown.height + Math.min(place.width / picture.width, place.height / picture.height);
    }, 0);
    if (size > best.size) best = { columns, size };
  }
  return best.columns;
}
