"""``python -m training``: the commands of retraining."""

from __future__ import annotations

import sys
from pathlib import Path

from training.check import crowding, problems
from training.marks import MarkError, read_marked


def main() -> int:
    paths = [Path(p) for p in sys.argv[2:]]
    known = (Path(__file__).parent / "finding_ids.txt").read_text().split()
    answers, bad = [], 0
    where = {}
    for path in sorted({p for q in paths for p in (q.rglob("*.star") if q.is_dir() else [q])}):
        for line, item in read_marked(path):
            if isinstance(item, MarkError):
                print(item); bad += 1
                continue
            where[item.id] = f"{path}:{line}"
            answers.append(item)
            for p in problems(item, known):
                print(f"{path}:{line}: {item.id}: {p}"); bad += 1
    for answer_id, p in crowding(answers):
        print(f"{where[answer_id]}: {answer_id}: {p}"); bad += 1
    print(len(answers), "answers,", sum(len(a.text.split()) for a in answers), "words,", bad, "problems")
    return 1 if bad else 0


sys.exit(main())
