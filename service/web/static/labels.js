// Labels on words, chosen with the mouse or the keyboard. Offsets are UTF-16 units.

import { element } from "./dom.js";
import { LABELS, counted } from "./words.js";

// White space as the service counts it, which differs from that of "\s" here.
const WORD = /[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
const CLAUSE_END = /[.,;:!?…—–]["'”’)\]]*$/;

/**
 * Fill `list` with the words of `answer`, labelled as `spans` say, and `buttons` with one button for each label.
 *
 * Return a function that gives the spans as they are then. `tell` gets a sentence whenever labels change.
 */
export function editLabels(list, buttons, { answer, spans, tell }) {
  const words = wordsOf(answer, spans);
  const clauses = clausesOf(words);
  const nodes = words.map(({ text }, index) =>
    element("span", { role: "option", class: "word", "data-index": index }, text));
  let from = 0;
  let to = 0;

  list.replaceChildren(...nodes.flatMap((node, index) => (index === 0 ? [node] : [" ", node])));
  buttons.replaceChildren(...Object.entries(LABELS).map(([label, { letter, name }]) =>
    element("button", { type: "button", class: `part part-${label}`, "data-label": label, "aria-keyshortcuts": letter },
      element("span", { class: "letter", "aria-hidden": "true" }, letter), name)));
  show();

  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const label = Object.keys(LABELS).find((name) => LABELS[name].letter === event.key.toUpperCase());
    if (label !== undefined) give(label);
    else if (!move(event.key, event.shiftKey)) return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => {
    const index = indexOf(event.target);
    if (index === null || event.button !== 0) return;
    event.preventDefault();
    choose(event.shiftKey ? from : index, index);
  });
  list.addEventListener("pointerover", (event) => {
    const index = indexOf(event.target);
    if (index !== null && event.buttons === 1) choose(from, index);
  });
  list.addEventListener("dblclick", (event) => {
    const index = indexOf(event.target);
    if (index !== null) choose(...clauses[clauseOf(index)]);
  });
  buttons.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-label]");
    if (button !== null) give(button.dataset.label);
  });
  return () => spansOf(words);

  function move(key, extends_) {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    const leaps = { ArrowDown: 1, ArrowUp: -1 };
    if (key in steps) {
      const index = clamp(to + steps[key], words);
      choose(extends_ ? from : index, index);
    } else if (key in leaps) {
      const [first, last] = clauses[nextClause(leaps[key], extends_)];
      if (extends_) choose(from, leaps[key] > 0 ? last : first);
      else choose(first, last);
    } else if (key === "Home" || key === "End") {
      const index = key === "Home" ? 0 : words.length - 1;
      choose(extends_ ? from : index, index);
    } else {
      return false;
    }
    return true;
  }

  /** Return the clause to go to; one that is chosen in part is chosen whole first. */
  function nextClause(leap, extends_) {
    const now = clauseOf(to);
    const [first, last] = clauses[now];
    const isWhole = Math.min(from, to) <= first && last <= Math.max(from, to);
    const isReached = extends_ ? to === (leap > 0 ? last : first) : isWhole;
    return isReached ? clamp(now + leap, clauses) : now;
  }

  function choose(first, last) {
    [from, to] = [first, last];
    show();
    nodes[to].focus();
  }

  function give(label) {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    for (const word of words.slice(first, last + 1)) word.label = label;
    show();
    tell(`${counted(last + 1 - first, "word")}: ${LABELS[label].name}.`);
  }

  function show() {
    words.forEach(({ text, label }, index) => {
      const node = nodes[index];
      const opens = index === 0 || words[index - 1].label !== label;
      node.className = `word part-${label}${opens ? " opens" : ""}`;
      node.dataset.letter = LABELS[label].letter;
      node.setAttribute("aria-label", `${text}, ${LABELS[label].name}`);
      node.setAttribute("aria-selected", String(Math.min(from, to) <= index && index <= Math.max(from, to)));
      node.tabIndex = index === to ? 0 : -1;
    });
  }

  function clauseOf(index) {
    return clauses.findIndex(([first, last]) => first <= index && index <= last);
  }
}

function indexOf(target) {
  const node = target.closest("[data-index]");
  return node === null ? null : Number(node.dataset.index);
}

function clamp(index, { length }) {
  return Math.max(0, Math.min(length - 1, index));
}

/** Return the words with their offsets; each has the label of the span that holds its first character. */
function wordsOf(answer, spans) {
  return [...answer.matchAll(WORD)].map(({ 0: text, index: start }) => ({
    text,
    start,
    end: start + text.length,
    label: spans.find((span) => span.start <= start && start < span.end)?.label ?? "OTHER",
  }));
}

/** Return the first and last word of each clause, as far as punctuation and labels tell. */
function clausesOf(words) {
  const clauses = [];
  let first = 0;
  words.forEach(({ text, label }, index) => {
    if (index + 1 < words.length && words[index + 1].label === label && !CLAUSE_END.test(text)) return;
    clauses.push([first, index]);
    first = index + 1;
  });
  return clauses;
}

function spansOf(words) {
  const spans = [];
  for (const { start, end, label } of words) {
    if (spans.at(-1)?.label === label) spans.at(-1).end = end;
    else spans.push({ start, end, label });
  }
  return spans;
}
