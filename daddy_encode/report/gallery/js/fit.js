// How large a picture is shown in a box. Pure.

/** Up to this size, in pixels of the longer side, a picture is small: its pixels are shown as sharp squares. */
export const SMALL = 320;
// Larger ones are enlarged smoothly, and no further: they have no more to show.
const LARGEST_ZOOM = 2;

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
  const sharp = small && whole > 0 && whole * density >= 1;
  const factor = sharp ? whole : Math.min(zoom, LARGEST_ZOOM);
  return { width: picture.width * factor, height: picture.height * factor, sharp };
}

/**
 * In how many columns pictures of one shape are largest, none of them narrower or lower than can be read: rather does the
 * page scroll.
 * @param {number} count
 * @param {{width: number, height: number}} picture
 * @param {{width: number, height: number}} box  for all of them
 * @param {{gap: number, extra: number, narrowest: number, lowest: number}} around  gap between columns; extra: height of
 *   the text of each row; narrowest column, lowest picture
 * @returns {{columns: number, height: number}}  height: of a picture's place
 */
export function bestColumns(count, picture, box, { gap, extra, narrowest, lowest }) {
  const most = Math.max(1, Math.min(count, Math.floor((box.width + gap) / (narrowest + gap))));
  let best = { columns: 1, height: 0 };
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = (box.width - gap * (columns - 1)) / columns;
    const height = Math.min((width * picture.height) / picture.width, (box.height - gap * (rows - 1)) / rows - extra);
    if (height > best.height + 0.5) best = { columns, height };
  }
  if (best.height < lowest) {
    const width = (box.width - gap * (most - 1)) / most;
    return { columns: most, height: Math.max(lowest, Math.min((width * picture.height) / picture.width, box.height - extra)) };
  }
  return best;
}
