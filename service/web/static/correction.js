// Lets a coach say what the feedback should have been, where the service keeps corrections.

import { element } from "./dom.js";
import { connectForm } from "./form.js";
import { editLabels } from "./labels.js";
import { Refusal, requestCorrection } from "./request.js";
import { SEVERITIES } from "./words.js";

/** Add the form of corrections to the report in `section`; it is in the page only where they are kept. */
export function offerCorrection(section, { question, answer, type, reply, announcement }) {
  const template = document.getElementById("correction");
  if (template === null || reply.status !== "scored") return;
  section.querySelector(".colophon").before(template.content.cloneNode(true));
  const form = section.querySelector(".correction form");
  const spans = editLabels(form.querySelector(".labels"), form.querySelector(".parts"), {
    answer,
    spans: reply.spans,
    tell: (text) => { announcement.textContent = text; },
  });
  const findings = editFindings(form, reply);
  const outcome = form.querySelector(".outcome");
  connectForm(form, {
    names: ["corrected_by"],
    busy: ["Keeping…", "The correction is being kept."],
    announcement,
    ask: ({ corrected_by: name }) => {
      outcome.textContent = "";
      if (name === null || name.trim() === "") {
        const message = "Write a name first.";
        throw new Refusal("The correction has no name to it yet", "", new Map([["corrected_by", message]]));
      }
      return requestCorrection({
        answer, question, question_type: type, spans: spans(), findings: findings(), corrected_by: name,
        model: reply.versions.model,
      });
    },
    show: () => {
      outcome.textContent = "Kept. If you correct this answer again, the newest correction counts.";
      return "";
    },
  });
}

/** Fill the list of findings, and let more be added. Return a function that gives those with a tick. */
function editFindings(form, { findings, question_type: { label: type } }) {
  const list = form.querySelector(".ticks");
  const select = form.querySelector("select");
  for (const finding of findings) {
    const id = idOf(finding);
    if (!ids(list).includes(id)) list.append(tick(id, finding.severity, finding.message));
  }
  for (const option of select.querySelectorAll("option")) {
    if (!option.dataset.types.split(" ").includes(type) || ids(list).includes(option.value)) option.remove();
  }
  form.querySelector(".adding").hidden = select.options.length === 0;
  form.querySelector(".add").addEventListener("click", () => {
    const [option] = select.selectedOptions;
    const added = tick(option.value, option.dataset.severity, option.textContent);
    list.append(added);
    option.remove();
    form.querySelector(".adding").hidden = select.options.length === 0;
    added.querySelector("input").focus();
  });
  return () => [...list.querySelectorAll("input:checked")].map(({ value }) => value);
}

function ids(list) {
  return [...list.querySelectorAll("input")].map(({ value }) => value);
}

/** Return the id as labelled data has it: that of a criterion says whether it is met. */
function idOf({ id, severity }) {
  if (!id.startsWith("criterion.")) return id;
  return `${id}:${severity === "strength" ? "met" : "missing"}`;
}

function tick(id, severity, text) {
  const box = element("input", { type: "checkbox", value: id, autocomplete: "off" });
  box.checked = true;
  return element("li", {}, element("label", { class: severity }, box,
    element("span", {}, element("span", { class: "severity" }, `${SEVERITIES[severity]}: `), text)));
}
