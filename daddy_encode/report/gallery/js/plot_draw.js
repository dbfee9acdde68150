// Draws the plot on a canvas: axes, points, lines of means.
import { clamp } from "./numbers.js";
import { bandsOf, createScale, domainOf, meanLine } from "./plot_scale.js";

const MARGIN = { right: 16, top: 12, bottom: 44 };
/** Width of a digit, in pixels. */
const DIGIT = 7;
/** Half the width, in pixels, of the band of a step between others of which none is known. */
const LONE = 3;

/**
 * Where everything is, for a plot of some size.
 * @param {{points: object[], groups: object[], kinds: {x: string, y: string}}} plot
 * @param {number} width
 * @param {number} height
 */
export function layoutOf(plot, width, height) {
  const { points, kinds } = plot;
  // Of the whole plot, also where less is selected or shown: its axes stay.
  const edges = linesOf(plot).flatMap(bandsOf).flat().flatMap(([, lower, upper]) => [lower, upper]);
  const domains = { x: domainOf(points.map(({ x }) => x), kinds.x), y: domainOf([...points.map(({ y }) => y), ...edges], kinds.y) };
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const y = createScale(domains.y, [bottom, top], plot.kinds.y);
  // Of no numbers there are none along an axis.
  const labelled = (scale, count) => plot.points.length === 0 ? [] : scale.ticks(Math.max(2, Math.floor(count))).map((value) => ({ value, label: scale.format(value) }));
  const rows = labelled(y, (bottom - top) / 60);
  // Room for the longest label, and left of it for the title.
  const longest = Math.max(...rows.map(({ label }) => label.length));
  const left = Math.round(clamp(longest * DIGIT + 32, width < 500 ? 46 : 60, width / 3));
  const frame = { left, top, right: width - MARGIN.right, bottom };
  const x = createScale(domains.x, [frame.left, frame.right], plot.kinds.x);
  const columns = labelled(x, (frame.right - frame.left) / 110);
  return { frame, x, y, columns, rows, domains, places: plot.points.map((point) => [x.to(point.x), y.to(point.y)]) };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object} plot see plot_data.plotOf
 * @param {object} layout see layoutOf
 * @param {{xTitle: string, yTitle: string, trend: boolean, emphasis: number, isIn(point: object): boolean}} how `emphasis`
 *   is the group that stands out, -1 for none
 */
export function drawPlot(canvas, plot, layout, how) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  context.font = `12px ${style.fontFamily}`;
  drawAxes(context, layout, how, colour, width, height);
  context.save();
  const { frame } = layout;
  context.beginPath();
  context.rect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
  context.clip();
  drawPoints(context, plot, layout, how, colour);
  if (how.trend) drawLines(context, plot, layout, how, colour);
  context.restore();
}

function drawAxes(context, { frame, x, y, columns, rows }, { xTitle, yTitle }, colour, width, height) {
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--muted");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const { value, label } of rows) {
    const place = Math.round(y.to(value)) + 0.5;
    line(context, frame.left, place, frame.right, place);
    context.fillText(label, frame.left - 8, place);
  }
  context.textAlign = "left";
  context.textBaseline = "top";
  let taken = 0;
  for (const { value, label } of columns) {
    const place = Math.round(x.to(value)) + 0.5;
    line(context, place, frame.top, place, frame.bottom);
    const wide = context.measureText(label).width;
    const from = clamp(place - wide / 2, 2, width - wide - 2);
    if (from < taken) continue;
    context.fillText(label, from, frame.bottom + 7);
    taken = from + wide + 8;
  }
  context.fillStyle = colour("--fg");
  context.textAlign = "right";
  context.textBaseline = "bottom";
  context.fillText(shortened(context, xTitle, frame.right - frame.left), frame.right, height - 3);
  context.save();
  context.translate(3, frame.top);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "top";
  context.fillText(shortened(context, yTitle, frame.bottom - frame.top), 0, 0);
  context.restore();
}

function drawPoints(context, { points, groups }, { places }, { emphasis, trend, isIn }, colour) {
  const radius = points.length > 3000 ? 2.6 : points.length > 800 ? 3.2 : 4.2;
  const byGroup = groups.map(() => []);
  const outside = [];
  points.forEach((point, index) => {
    if (!isIn(point)) outside.push(index);
    else byGroup[point.group].push(index);
  });
  context.fillStyle = colour("--muted");
  context.globalAlpha = 0.16;
  context.beginPath();
  for (const index of outside) addForm(context, 0, ...places[index], radius * 0.8);
  context.fill();
  const order = groups.map((_, group) => group).sort((one, other) => Number(one === emphasis) - Number(other === emphasis));
  for (const group of order) {
    context.fillStyle = colour(groups[group].colour);
    context.globalAlpha = emphasis >= 0 && group !== emphasis ? 0.1 : trend ? 0.5 : points.length > 1500 ? 0.6 : 0.78;
    context.beginPath();
    for (const index of byGroup[group]) addForm(context, groups[group].form, ...places[index], radius);
    context.fill();
  }
  context.globalAlpha = 1;
}

// The line of means of each group.
function linesOf({ points, groups }, isIn = () => true) {
  const by = groups.map(() => []);
  for (const point of points) if (isIn(point)) by[point.group].push([point.x, point.y]);
  return by.map(meanLine);
}

function drawLines(context, plot, layout, { emphasis, isIn }, colour) {
  const { x, y } = layout;
  context.lineJoin = "round";
  linesOf(plot, isIn).forEach((means, place) => {
    if (means.length === 0 || (emphasis >= 0 && emphasis !== place)) return;
    const ink = colour(plot.groups[place].colour);
    drawBands(context, bandsOf(means), layout, ink);
    const places = means.map(([across, up]) => [x.to(across), y.to(up)]);
    for (const [width, style] of [[5, colour("--surface")], [2.25, ink]]) {
      context.strokeStyle = style;
      context.globalAlpha = width > 3 ? 0.75 : 1;
      context.lineWidth = width;
      context.beginPath();
      addLine(context, places);
      context.stroke();
    }
  });
}

function drawBands(context, bands, { x, y, domains }, ink) {
  // A logarithm has no place for what is below 0.
  const inside = (value) => y.to(Math.max(domains.y[0], value));
  context.fillStyle = ink;
  for (const band of bands) {
    const isLone = band.length === 1;
    const wide = isLone ? [[...band[0], -LONE], [...band[0], LONE]] : band;
    const upper = wide.map(([across, , most, aside = 0]) => [x.to(across) + aside, inside(most)]);
    const lower = wide.map(([across, least, , aside = 0]) => [x.to(across) + aside, inside(least)]);
    context.globalAlpha = isLone ? 0.3 : 0.13;
    context.beginPath();
    addLine(context, [...upper, ...lower.reverse()]);
    context.fill();
  }
}

/** Forms, so that no group is told by its colour alone: sides of a polygon, and the turn of its first corner. */
const FORMS = [[0, 0], [4, 0.25], [3, 0], [4, 0], [3, 0.5], [6, 0], [5, 0], [6, 0.25]];

/**
 * The corners of a form.
 * @param {number} form
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @returns {number[][]} none for a circle
 */
export function cornersOf(form, x, y, radius) {
  const [sides, turn] = FORMS[form % FORMS.length];
  // Equal areas look equally large.
  const reach = radius * [0, 0, 0, 1.45, 1.25, 1.15, 1.1][sides];
  return Array.from({ length: sides }, (_, corner) => {
    const angle = ((corner + turn * (sides === 4 ? 2 : 1)) / sides) * 2 * Math.PI - Math.PI / 2;
    return [x + reach * Math.cos(angle), y + reach * Math.sin(angle)];
  });
}

function addForm(context, form, x, y, radius) {
  const corners = cornersOf(form, x, y, radius);
  if (corners.length === 0) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  addLine(context, corners);
  context.closePath();
}

function addLine(context, points) {
  points.forEach((point, place) => (place === 0 ? context.moveTo(...point) : context.lineTo(...point)));
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function shortened(context, text, room) {
  let shown = text;
  while (shown.length > 2 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  return shown;
}
