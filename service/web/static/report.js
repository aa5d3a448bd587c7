// Shows one reply: score, focus, the answer with its notes, the parts, and what else is known.

import { drawing, element } from "./dom.js";
import { layOut } from "./layout.js";
import { keepNotesApart } from "./margin.js";
import {
  ANSWER_KINDS, LABELS, PARTS, QUESTION_TYPES, SEVERITIES, counted, percent, signed, spokenTime,
} from "./words.js";

/** Below this confidence (0 to 1) a part is said to be uncertain. */
const CERTAIN = 0.6;

/** Fill `section` with the report on `answer`; `wide`: the notes to work on first begin unfolded. */
export function showReport(section, { question, answer, reply, wide }) {
  const layout = layOut(answer, reply.spans, reply.findings);
  const open = wide ? new Set(reply.focus) : new Set();
  const parts = reply.status === "abstained"
    ? [abstention(reply)]
    : [headline(reply, layout), summary(reply, layout)];
  section.replaceChildren(
    ...[
      ...parts,
      warnings(reply.input_warnings),
      annotatedAnswer({ question, answer, layout, open }),
      alignment(reply.alignment),
      componentTable(reply.components),
      colophon(reply),
    ].filter((part) => part !== null),
  );
  section.hidden = false;
  connectNotes(section);
  keepNotesApart(section.querySelector(".rows"));
}

/** Return one sentence for a listener who can't see that the report has come. */
export function announcementOf(reply) {
  if (reply.status === "abstained") return "The answer was not scored. The reason follows.";
  const first = reply.focus.length;
  return `Feedback is ready.${first ? ` ${counted(first, "thing")} to work on first.` : ""}`;
}

function abstention({ reason, stats }) {
  return element("header", { class: "headline" },
    title("Not scored"),
    element("p", { class: "reason" }, reason.message),
    element("p", { class: "facts" }, statsText(stats)),
  );
}

function headline(reply, layout) {
  const { score, question_type: type, answer_kind: kind, stats } = reply;
  const facts = [
    ["Question", `${QUESTION_TYPES[type.label] ?? type.label} (${sureness(type)})`],
    kind && ["Answer", `${ANSWER_KINDS[kind.label] ?? kind.label} (${sureness(kind)})`],
    ["Length", statsText(stats)],
  ].filter(Boolean);
  return element("header", { class: "headline" },
    title("Feedback"),
    score && element("p", { class: "score" },
      element("span", { class: "visually-hidden" }, "Score: "),
      element("strong", {}, String(score.value)), " of 100"),
    element("dl", { class: "facts" }, facts.map(([term, text]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, text)))),
    score && sum(score, reply.components, layout.notes),
  );
}

function title(text) {
  return element("h2", { id: "report-title", tabindex: "-1" }, text);
}

function sureness({ confidence, source }) {
  return source === "given" ? "as you chose" : `${percent(confidence)} sure`;
}

function statsText({ words, sentences, spoken_seconds: seconds }) {
  return `${counted(words, "word")}, ${counted(sentences, "sentence")}, about ${spokenTime(seconds)} spoken`;
}

function sum(score, components, notes) {
  const names = partNames(score.parts, components, notes);
  const line = (what, points, kind = null) => element("tr", { class: kind },
    element("th", { scope: "row" }, what), element("td", {}, points));
  return element("details", { class: "sum" },
    element("summary", {}, "How it adds up"),
    element("table", {},
      element("caption", { class: "visually-hidden" }, "The base and the points that make the score"),
      element("thead", { class: "visually-hidden" }, element("tr", {},
        element("th", { scope: "col" }, "What"), element("th", { scope: "col" }, "Points"))),
      element("tbody", {},
        line("Base, the same for every answer", String(score.base)),
        score.parts.map(({ points }, index) => line(names[index], signed(points)))),
      element("tfoot", {}, line("Score", String(score.value), "total"))),
  );
}

/** Return the name of what each part of the score points at: a component, a finding, or the bounds. */
function partNames(parts, components, notes) {
  const left = [...notes];
  return parts.map(({ what }) => {
    if (what === "score.bounds") return "Kept between 0 and 100";
    const label = what.replace(/^component\./, "");
    if (label in LABELS) return `${LABELS[label].name}: ${components[label]?.score ?? 0} of 3`;
    // Findings of one id count each for itself, in order.
    const index = left.findIndex(({ finding }) => finding.id === what);
    if (index === -1) return what;
    const [note] = left.splice(index, 1);
    return [`${note.finding.message} `, toNote(note, `Note ${note.number}`)];
  });
}

function summary(reply, layout) {
  const first = reply.focus
    .map((id) => layout.notes.find(({ finding }) => finding.id === id))
    .filter((note) => note !== undefined);
  const strengths = layout.notes.filter(({ finding }) => finding.severity === "strength");
  return element("div", { class: "summary" },
    first.length === 0 ? null : element("section", { class: "focus", "aria-labelledby": "focus-title" },
      element("h3", { id: "focus-title" }, "Work on first"),
      element("ol", {}, first.map((note) => element("li", {},
        toPlace(note), element("p", {}, note.finding.advice))))),
    strengths.length === 0 ? null : element("section", { class: "strengths", "aria-labelledby": "strengths-title" },
      element("h3", { id: "strengths-title" }, "What works"),
      element("ul", {}, strengths.map((note) => element("li", {}, toPlace(note))))),
  );
}

/** Return the link from a summary to the words, the gap or, for the whole answer, the note itself. */
function toPlace(note) {
  const target = { words: `#words-${note.number}`, gap: `#gap-${note.number}`, whole: `#note-${note.number}` };
  return element("a", { href: target[note.place], "data-note": note.number }, note.finding.message);
}

function toNote({ number }, text) {
  return element("a", { href: `#note-${number}`, "data-note": number }, text);
}

function warnings(messages) {
  if (messages.length === 0) return null;
  return element("section", { class: "warnings", "aria-labelledby": "warnings-title" },
    element("h3", { id: "warnings-title" }, "About the text"),
    element("ul", {}, messages.map(({ message }) => element("li", {}, message))));
}

function annotatedAnswer({ question, answer, layout, open }) {
  const whole = layout.notes.filter(({ place }) => place === "whole");
  const begun = new Set();
  const rows = layout.rows.map((row) =>
    row.note === undefined ? wordsRow(row, begun, open) : gapRow(row.note, open));
  return element("section", { class: "annotated", "aria-labelledby": "annotated-title" },
    element("h3", { id: "annotated-title" },
      layout.rows.some(({ label }) => label) ? "Your answer, part by part" : "Your answer"),
    question === null ? null : element("p", { class: "asked" },
      element("span", { class: "asked-label" }, "Question: "),
      element("span", { class: "given", dir: "auto" }, question)),
    whole.length === 0 ? null : element("section", { class: "whole", "aria-labelledby": "whole-title" },
      element("h4", { id: "whole-title" }, "On the whole answer"),
      notesList(whole, open)),
    element("div", { class: "rows" }, rows));
}

function wordsRow({ label, confidence, continued, start, end, pieces, notes }, begun, open) {
  const name = label === null ? "Your words" : LABELS[label].name;
  const heading = `${name}${continued ? ", continued" : ""}`;
  return element("div", {
    class: label === null ? "row" : `row part part-${label}`, role: "group", "aria-label": heading,
  },
    label === null ? null : element("p", { class: "tag" },
      element("span", { class: "letter", "aria-hidden": "true" }, LABELS[label].letter),
      element("span", {}, heading),
      confidence < CERTAIN ? element("span", { class: "unsure" }, `${percent(confidence)} sure`) : null),
    element("p", { class: "words given", dir: "auto", "data-label": label, "data-start": start, "data-end": end },
      pieces.map((piece) => pieceOf(piece, begun))),
    notes.length === 0 ? null : notesList(notes, open));
}

function pieceOf({ text, notes, ending }, begun) {
  if (notes.length === 0) return text;
  // A piece under several notes is nested, so that each note has one element of its own to lead to.
  const marked = notes.reduceRight((inside, note) => {
    const first = !begun.has(note.number);
    begun.add(note.number);
    return element("mark", {
      class: note.finding.severity,
      "data-note": note.number,
      id: first ? `words-${note.number}` : null,
      tabindex: first ? "-1" : null,
    }, inside);
  }, text);
  return [marked, ...ending.map(reference)];
}

function reference(note) {
  const { finding: { severity, message }, number } = note;
  return element("sup", {}, element("a", {
    class: `number ${severity}`, href: `#note-${number}`, "data-note": number,
    "aria-label": `${number}, ${SEVERITIES[severity].toLowerCase()}: ${message}`,
  }, String(number)));
}

function gapRow(note, open) {
  const { finding, number } = note;
  const label = LABELS[finding.component];
  const missing = label !== undefined && finding.id.endsWith(".missing");
  const what = missing ? `${label.name} is missing here` : "Something belongs here";
  return element("div", {
    class: label === undefined ? "row gap" : `row gap part-${finding.component}`, role: "group",
    "aria-label": `Gap: ${what}`,
  },
    element("p", { class: "tag" },
      element("span", { class: "letter", "aria-hidden": "true" }, label?.letter ?? "?"),
      element("span", {}, label?.name ?? "Gap")),
    element("p", {
      class: "hole", id: `gap-${number}`, tabindex: "-1", "data-insert-at": finding.insert_at,
      "data-note": number,
    },
      element("strong", {}, `${what}: `), lowered(finding.advice), reference(note)),
    notesList([note], open));
}

function lowered(text) {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function notesList(notes, open) {
  const worst = { problem: 0, advice: 1, strength: 2 };
  const sorted = notes.toSorted((one, other) => worst[one.finding.severity] - worst[other.finding.severity]);
  return element("ul", { class: "notes" }, sorted.map((note) => element("li", {}, noteOf(note, open))));
}

function noteOf({ finding, number, place }, open) {
  const { id, severity, message, why, advice } = finding;
  return element("details", { class: `note ${severity}`, "data-note": number, open: open.has(id) ? "" : null },
    element("summary", { id: `note-${number}` },
      element("span", { class: `number ${severity}` }, String(number)), " ",
      element("span", { class: "severity" }, `${SEVERITIES[severity]}: `),
      element("span", { class: "message" }, message)),
    element("p", { class: "why" }, why),
    place === "gap" ? null : element("p", { class: "advice-text" },
      severity === "strength" ? null : element("span", { class: "lead-in" }, "Try: "), advice),
    place === "words"
      ? element("p", { class: "back" }, element("a", {
        href: `#words-${number}`, "data-note": number, "aria-label": `To the words of note ${number}`,
      }, "To the words"))
      : null);
}

function alignment(found) {
  if (found === null) return null;
  const { taken_up: taken, left_out: left } = found;
  if (taken.length + left.length === 0) return null;
  return element("section", { class: "alignment", "aria-labelledby": "alignment-title" },
    element("h3", { id: "alignment-title" }, "The role or company"),
    themes("Taken up", taken), themes("Not taken up", left),
    element("p", { class: "hint" }, "Words beside words, of the text that you gave; it does not move the score."));
}

function themes(title, found) {
  if (found.length === 0) return null;
  return [
    element("h4", {}, title),
    element("ul", {}, found.map(({ theme, context, answer = [] }) => element("li", {},
      element("strong", {}, theme), ": ", quoted(context), " in their text",
      answer.length === 0 ? null : ["; ", quoted(answer), " in your answer"]))),
  ];
}

function quoted(passages) {
  const texts = [...new Set(passages.map(({ text }) => text))];
  return texts.map((text, index) => [index === 0 ? "" : ", ", element("q", { dir: "auto" }, text)]);
}

function componentTable(components) {
  const present = PARTS.filter((label) => components[label] !== undefined);
  if (present.length === 0) return null;
  return element("section", { class: "components", "aria-labelledby": "components-title" },
    element("h3", { id: "components-title" }, "How much room each part has"),
    element("table", {},
      element("thead", {}, element("tr", {},
        ["Part", "Share of the words", "Score"].map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, present.map((label) => componentLine(label, components[label])))));
}

function componentLine(label, { present, words, share, target_share: target, score }) {
  const aim = `${Math.round(target[0] * 100)} to ${percent(target[1])}`;
  const amount = present || words > 0 ? `${percent(share)}, ${counted(words, "word")}` : "missing";
  return element("tr", { class: `part-${label}` },
    element("th", { scope: "row" },
      element("span", { class: "letter", "aria-hidden": "true" }, LABELS[label].letter), LABELS[label].name),
    element("td", {}, shareBar(share, target),
      element("p", { class: "figures" }, element("span", {}, amount), " ",
        element("span", { class: "aim" }, `aim for ${aim}`))),
    element("td", { class: "part-score" }, `${score} of 3`));
}

function shareBar(share, [low, high]) {
  const width = (part) => Math.min(100, Math.max(0, part * 100)).toFixed(1);
  return drawing("svg", { class: "bar", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawing("rect", { class: "bar-ground", x: 0, y: 0, width: 100, height: 12 }),
    drawing("rect", { class: "bar-target", x: width(low), y: 0, width: width(high - low), height: 12 }),
    drawing("rect", { class: "bar-share", x: 0, y: 3.5, width: width(share), height: 5 }));
}

function colophon({ versions }) {
  return element("footer", { class: "colophon" },
    element("p", {}, element("a", { class: "again", href: "#answer" }, "Change the answer and try again")),
    element("p", { class: "promise" }, "Advice for practice; a person decides."),
    element("p", { class: "versions" },
      `Service ${versions.service}, model ${versions.model}, rules ${versions.rules}, schema ${versions.schema}`));
}

/** Let a note and its words light up together, and unfold a note that a link leads to. */
function connectNotes(section) {
  const related = (target) => {
    const number = target.closest("[data-note]")?.dataset.note;
    return number === undefined ? [] : section.querySelectorAll(`mark[data-note="${number}"], .note[data-note="${number}"], .hole[data-note="${number}"]`);
  };
  const light = (on) => ({ target }) => {
    for (const node of related(target)) node.classList.toggle("lit", on);
  };
  section.onmouseover = section.onfocusin = light(true);
  section.onmouseout = section.onfocusout = light(false);
  section.onclick = ({ target }) => {
    const link = target.closest('a[href^="#note-"]');
    if (link !== null) section.querySelector(link.hash).parentElement.open = true;
  };
}
