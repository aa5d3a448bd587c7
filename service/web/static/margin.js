// Keeps the notes in the margin from lying over each other, without tearing the answer apart.

/** Space between the notes of two rows, in CSS pixels. */
const GAP = 12;

let observer = null;

/**
 * Move the notes beside `rows` down where those above need the room, now and whenever a size changes.
 *
 * Where the screen has no margin the style sheet puts the notes below their words, and `top` does nothing.
 */
export function keepNotesApart(rows) {
  observer?.disconnect();
  observer = new ResizeObserver(() => arrange(rows));
  for (const node of rows.querySelectorAll(".row, .notes")) observer.observe(node);
}

function arrange(rows) {
  const ground = rows.getBoundingClientRect().top;
  let free = 0;
  for (const notes of rows.querySelectorAll(".notes")) {
    const row = notes.parentElement.getBoundingClientRect().top - ground;
    const top = Math.max(row, free);
    notes.style.top = `${top - row}px`;
    free = top + notes.offsetHeight + GAP;
  }
  rows.style.setProperty("--notes-height", `${free}px`);
}
