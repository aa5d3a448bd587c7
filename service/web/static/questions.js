// Shows the reply on a candidate's own questions: each with its findings, then what could be asked besides.

import { element } from "./dom.js";
import { CATEGORIES, FORMS, REACHES, SEVERITIES, counted } from "./words.js";

/** Fill `section` with what is said of the questions. */
export function showQuestions(section, { questions, not_covered: missing, versions }) {
  section.replaceChildren(
    ...[
      element("h3", { id: "questions-report-title", tabindex: "-1" }, "Feedback on your questions"),
      element("ol", { class: "questions" }, questions.map((question) => element("li", {}, questionOf(question)))),
      uncovered(missing),
      element("p", { class: "promise" }, "Advice for practice; a person decides."),
      element("p", { class: "versions" },
        `Service ${versions.service}, rules ${versions.rules}, schema ${versions.schema}`),
    ].filter((part) => part !== null),
  );
  section.setAttribute("aria-labelledby", "questions-report-title");
  section.hidden = false;
}

/** Return one sentence for a listener who can't see that the reply has come. */
export function announcementOfQuestions({ questions, not_covered: missing }) {
  const more = missing.length ? ` ${counted(missing.length, "subject")} not asked about yet.` : "";
  return `Feedback on ${counted(questions.length, "question")} is ready.${more}`;
}

function questionOf({ text, words, category, form, reach, demonstrates, findings }) {
  const kinds = [CATEGORIES[category], FORMS[form], REACHES[reach]].filter(Boolean).join(", ");
  return [
    element("p", { class: "words given", dir: "auto" }, marked(text, words)),
    element("p", { class: "kinds" }, element("strong", {}, `${kinds}.`), ` ${demonstrates}`),
    findings.length === 0 ? null : element("ul", { class: "notes" }, findings.map((finding) =>
      element("li", {}, noteOf(finding)))),
  ].filter((part) => part !== null);
}

/** Return `text` with the words that its category rests on marked; they are in order and apart. */
function marked(text, words) {
  let from = 0;
  const pieces = words.flatMap(({ start, end }) => {
    const before = text.slice(from, start);
    from = end;
    return [before, element("mark", { class: "topic" }, text.slice(start, end))];
  });
  return [...pieces, text.slice(from)];
}

function noteOf({ severity, message, text, advice }) {
  return element("div", { class: `note ${severity}` },
    element("p", {},
      element("span", { class: "severity" }, `${SEVERITIES[severity]}: `),
      element("span", { class: "message" }, message),
      text === null ? null : [" ", element("q", { dir: "auto" }, text)]),
    severity === "strength" ? null : element("p", { class: "advice-text" },
      element("span", { class: "lead-in" }, "Try: "), advice));
}

function uncovered(missing) {
  if (missing.length === 0) return null;
  return element("section", { class: "uncovered", "aria-labelledby": "uncovered-title" },
    element("h4", { id: "uncovered-title" }, "Not asked about yet"),
    element("ul", {}, missing.map(({ category, suggestion }) => element("li", {},
      element("strong", {}, CATEGORIES[category]), ": ", element("q", {}, suggestion)))));
}
