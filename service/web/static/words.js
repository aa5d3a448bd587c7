// The closed vocabularies of the interface, in words for people.

export const PARTS = ["SITUATION", "TASK", "ACTION", "RESULT"];

export const LABELS = {
  SITUATION: { letter: "S", name: "Situation" },
  TASK: { letter: "T", name: "Task" },
  ACTION: { letter: "A", name: "Action" },
  RESULT: { letter: "R", name: "Result" },
  OTHER: { letter: "O", name: "Other" },
};

export const QUESTION_TYPES = {
  behavioural: "behavioural: it asks for one past event",
  adapt_to_change: "about adapting to change: it asks for one past event",
  career_goals: "about career goals",
  management_style: "about how you like to be managed",
  salary: "about salary",
  revisit: "about what to revisit from the first interview",
  candidate_question: "your question to the interviewer",
  other: "of another kind: only length and language are looked at",
};

export const ANSWER_KINDS = {
  story: "a story: one specific event",
  pseudo_story: "a general event told like a story: what usually happens, not what once happened",
  exemplification: "examples named, none of them told",
  opinion: "an opinion: values, or what one should do",
  self_description: "a self-description: what you are like",
};

export const CATEGORIES = {
  role_challenges: "Challenges of the role",
  performance_metrics: "How work is measured",
  team_dynamics: "The team",
  growth_opportunities: "Growth",
  company_strategy: "The company’s plans",
  culture: "Culture",
  other: "Arrangements and other things",
};

export const FORMS = { open: "open question", closed: "closed question" };

export const REACHES = { specific: "specific to them", generic: "could be asked anywhere" };

export const SEVERITIES = { problem: "Problem", advice: "Advice", strength: "Strength" };

/** Return `share` (0 to 1) as a whole percentage. */
export function percent(share) {
  return `${Math.round(share * 100)}%`;
}

/** Return a spoken time in words; `seconds` is a whole number. */
export function spokenTime(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  if (minutes === 0) return `${rest} s`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** Return points with their sign; the minus is U+2212, which is as wide as a plus. */
export function signed(points) {
  if (points === 0) return "0";
  return points < 0 ? `\u2212${-points}` : `+${points}`;
}

/** Return `count` with its noun. */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
