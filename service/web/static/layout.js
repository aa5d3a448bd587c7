// Cuts an answer into the rows of the report. No element is made here; offsets are UTF-16 units.

import { PARTS } from "./words.js";

/**
 * Return `{ notes, rows }` for an answer.
 *
 * A note is `{ number, finding, place }`; `place` is "whole", "gap" or "words", and numbers run in reading
 * order. A row is a gap (`{ note }`) or a stretch of one label
 * (`{ label, confidence, continued, start, end, pieces, notes }`); its pieces (`{ text, notes, ending }`)
 * join to the stretch, `notes` hold those whose words cover the piece, `ending` those whose last piece it is.
 */
export function layOut(answer, spans, findings) {
  const notes = numbered(answer, findings);
  const gaps = notes.filter(({ place }) => place === "gap");
  const marked = notes.filter(({ place }) => place === "words");
  const stretches = cutAt(stretchesOf(answer, spans), gaps.map(({ finding }) => finding.insert_at));
  const rows = [];
  let next = 0;
  for (const stretch of stretches) {
    while (next < gaps.length && gaps[next].finding.insert_at <= stretch.start) {
      rows.push({ note: gaps[next++] });
    }
    rows.push({ ...stretch, pieces: piecesOf(answer, stretch, marked), notes: [] });
  }
  rows.push(...gaps.slice(next).map((note) => ({ note })));
  for (const note of marked) attach(note, rows);
  return { notes, rows };
}

function numbered(answer, findings) {
  const placed = findings.map((finding) => ({ finding, place: placeOf(answer, finding) }));
  placed.sort((one, other) => compare(orderOf(one), orderOf(other)));
  return placed.map((note, index) => ({ number: index + 1, ...note }));
}

function placeOf(answer, { start, end, insert_at }) {
  if (start !== null && answer.slice(start, end).trim() !== "") return "words";
  return insert_at === null ? "whole" : "gap";
}

// A gap stands before the words that begin at the same offset, and two gaps in the order of a story.
function orderOf({ finding, place }) {
  if (place === "whole") return [0, 0, 0, 0];
  if (place === "gap") return [1, finding.insert_at, 0, PARTS.indexOf(finding.component)];
  return [1, finding.start, 1, finding.end];
}

function compare(one, other) {
  const differing = one.findIndex((value, index) => value !== other[index]);
  return differing === -1 ? 0 : one[differing] - other[differing];
}

/** Return the spans, and whatever words lie outside them, in order. */
function stretchesOf(answer, spans) {
  const stretches = [];
  let from = 0;
  const addUnlabelled = (to) => {
    const text = answer.slice(from, to);
    if (text.trim() === "") return;
    const start = from + text.length - text.trimStart().length;
    stretches.push({ label: null, confidence: null, start, end: from + text.trimEnd().length });
  };
  for (const { start, end, label, confidence } of spans) {
    addUnlabelled(start);
    stretches.push({ label, confidence, start, end });
    from = end;
  }
  addUnlabelled(answer.length);
  return stretches.map((stretch) => ({ ...stretch, continued: false }));
}

/** Return the stretches cut at every offset that lies inside one. */
function cutAt(stretches, offsets) {
  return stretches.flatMap((stretch) => {
    const inside = [...new Set(offsets)].filter((at) => stretch.start < at && at < stretch.end);
    const edges = [stretch.start, ...inside.sort((one, other) => one - other), stretch.end];
    return edges.slice(1).map((end, index) => ({
      ...stretch,
      start: edges[index],
      end,
      continued: index > 0,
    }));
  });
}

function piecesOf(answer, { start, end }, marked) {
  const inside = marked
    .flatMap(({ finding }) => [finding.start, finding.end])
    .filter((at) => start < at && at < end);
  const edges = [...new Set([start, ...inside, end])].sort((one, other) => one - other);
  return edges.slice(1).map((to, index) => {
    const from = edges[index];
    return {
      text: answer.slice(from, to),
      notes: marked.filter(({ finding }) => finding.start <= from && to <= finding.end),
      ending: [],
    };
  });
}

/** Put a note beside the row in which its words begin, and its number where they end. */
function attach(note, rows) {
  const holding = rows.filter(({ pieces }) => pieces?.some(({ notes }) => notes.includes(note)));
  holding[0].notes.push(note);
  holding.at(-1).pieces.findLast(({ notes }) => notes.includes(note)).ending.push(note);
}
