"""Files that have made readers lose rows, fall over or read nonsense, and what must come of each.

Each answer holds the word "secret", which no message may repeat.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from service.batch.rows import LONGEST_RECORD, Media

A = "my secret"


@dataclass(frozen=True)
class Refused:
    """The whole file is refused, with this code, at this place."""

    code: str
    line: int
    column: int


@dataclass(frozen=True)
class Bad:
    """One row is refused, with this code; the message names ``at``."""

    code: str
    at: str


@dataclass(frozen=True)
class File:
    """A file, and what comes of it: a refusal, or for each row its answer or what is wrong with it."""

    media: Media
    body: bytes
    comes: Refused | list[str | Bad]


def _csv(body: str | bytes, comes: Refused | list[str | Bad]) -> File:
    return File("csv", body.encode() if isinstance(body, str) else body, comes)


def _jsonl(body: str | bytes, comes: Refused | list[str | Bad]) -> File:
    return File("jsonl", body.encode() if isinstance(body, str) else body, comes)


_GOOD = f'{{"answer":"{A}"}}\n'
_LONG = "secret " * 20_000

FILES: dict[str, File] = {
    # --- encodings
    "csv utf-8": _csv("answer\nmy secret café 😀\n", ["my secret café 😀"]),
    "csv utf-8 with mark": _csv(b"\xef\xbb\xbfanswer\nmy secret\n", [A]),
    "csv mark before a quote": _csv(b'\xef\xbb\xbf"answer"\nmy secret\n', [A]),
    "csv mark within": _csv("answer\n\ufeffmy secret\n", ["\ufeffmy secret"]),
    "csv cp1252": _csv("id,answer\n1,ok secret\n2,it\u2019s secret\n".encode("cp1252"), Refused("not_utf8", 3, 5)),
    "csv cp1252 on the second line of a cell": _csv(b'answer\n"secret\r\nb\x92s"\n', Refused("not_utf8", 3, 2)),
    "csv latin-1": _csv(b"answer\nsecret caf\xe9\n", Refused("not_utf8", 2, 11)),
    "csv mac roman": _csv(b"answer\rsecret caf\x8e\r", Refused("not_utf8", 2, 11)),
    "csv shift-jis": _csv("answer\nsecret \u30c6\n".encode("shift-jis"), Refused("not_utf8", 2, 8)),
    "csv utf-16 with mark": _csv("answer\nmy secret\n".encode("utf-16"), Refused("not_utf8", 1, 1)),
    "csv utf-16-be with mark": _csv("\ufeffanswer\nsecret\n".encode("utf-16-be"), Refused("not_utf8", 1, 1)),
    "csv utf-16-le": _csv("answer\nmy secret\n".encode("utf-16-le"), Refused("not_utf8", 1, 1)),
    "csv utf-16-be": _csv("answer\nmy secret\n".encode("utf-16-be"), Refused("not_utf8", 1, 1)),
    "csv utf-32": _csv("answer\nmy secret\n".encode("utf-32"), Refused("not_utf8", 1, 1)),
    "csv surrogate in utf-8": _csv(b"answer\nsecret \xed\xa0\x80\n", Refused("not_utf8", 2, 8)),
    "csv overlong": _csv(b"answer\nsecret \xc0\xaf\n", Refused("not_utf8", 2, 8)),
    "csv character cut at the end": _csv(b"answer\nsecret \xf0\x9f\x98", Refused("not_utf8", 2, 8)),
    "csv bad byte behind wide characters": _csv("answer\n😀é".encode() + b"\xff\n", Refused("not_utf8", 2, 3)),
    "workbook": _csv(b"PK\x03\x04\x14\x00secret", Refused("not_utf8", 1, 1)),
    "old workbook": _csv(b"\xd0\xcf\x11\xe0\xa1secret", Refused("not_utf8", 1, 1)),
    "gzip": _csv(b"\x1f\x8b\x08\x00secret", Refused("not_utf8", 1, 1)),
    "PDF": _csv(b"%PDF-1.7 secret", Refused("not_utf8", 1, 1)),
    # --- nothing in it
    "csv empty": _csv(b"", Refused("empty_file", 1, 1)),
    "csv mark only": _csv(b"\xef\xbb\xbf", Refused("empty_file", 1, 1)),
    "csv blank lines only": _csv("\n\r\n  \n", Refused("empty_file", 1, 1)),
    "csv header only": _csv("answer,id\n", []),
    "csv header only, no end": _csv("answer", []),
    "jsonl empty": _jsonl(b"", Refused("empty_file", 1, 1)),
    "jsonl blank lines only": _jsonl("\n \n\r\n", Refused("empty_file", 1, 1)),
    # --- headers
    "header in any order and case": _csv("ID, Answer ,QUESTION Type\n1,my secret,salary\n", [A]),
    "header behind blank lines": _csv("\n\nanswer\nmy secret\n", [A]),
    "no header": _csv("my secret\nanother secret\n", Refused("no_answer_column", 1, 1)),
    "no answer column": _csv("id,question\n1,secret\n", Refused("no_answer_column", 1, 1)),
    "answer column misspelt": _csv("id,answers\n1,secret\n", Refused("no_answer_column", 1, 1)),
    "header behind blank lines without answer": _csv("\n\nid\nsecret\n", Refused("no_answer_column", 3, 1)),
    "unknown column": _csv("answer,notes,id\nsecret,b,1\n", Refused("unknown_column", 1, 8)),
    "score column": _csv("id,score,answer\n1,2,secret\n", Refused("unknown_column", 1, 4)),
    "duplicate header": _csv("answer,id,answer\nsecret,1,secret\n", Refused("duplicate_column", 1, 11)),
    "duplicate header in other case": _csv("answer,ID,id\nsecret,1,2\n", Refused("duplicate_column", 1, 11)),
    "duplicate header in other words": _csv(
        "question type,answer,question_type\nsalary,secret,x\n", Refused("duplicate_column", 1, 22)
    ),
    "unnamed column": _csv("answer,,id\nsecret,a,b\n", Refused("unnamed_column", 1, 8)),
    "unnamed last column": _csv("id,answer,\n1,secret,\n", Refused("unnamed_column", 1, 11)),
    "header with an unclosed quote": _csv('id,"answer\n1,secret\n', Refused("no_answer_column", 1, 1)),
    "a million columns": _csv("answer," * 1_000_000, Refused("row_too_long", 1, 1)),
    "a hundred thousand columns": _csv("x," * 100_000 + "answer\n", Refused("unknown_column", 1, 1)),
    # --- delimiters
    "semicolons": _csv('id;answer\n1;"my secret"\n', [A]),
    "semicolons, commas in the text": _csv("answer;id\nmy secret, told;1\n", ["my secret, told"]),
    "tabs": _csv("id\tanswer\n1\tmy secret\n", [A]),
    "bars": _csv("id|answer\n1|my secret\n", Refused("no_answer_column", 1, 1)),
    "semicolons below commas": _csv("id,answer\n1;my secret\n", [Bad("ragged_row", "line 2, column 12")]),
    "comma in an unquoted answer": _csv("answer\nsecret, told\nmy secret\n", [Bad("ragged_row", "line 2, column 8"), A]),
    # --- ragged rows
    "too few cells": _csv("id,answer\n1\n2,my secret\n", [Bad("ragged_row", "line 2, column 2"), A]),
    "too many cells": _csv("id,answer\n1,my secret,x,y\n2,my secret\n", [Bad("ragged_row", "line 2, column 13"), A]),
    "too many cells behind a long one": _csv(
        'id,answer\n1,"my\nsecret",x\n2,my secret\n', [Bad("ragged_row", "line 3, column 9"), A]
    ),
    "blank lines between": _csv("id,answer\n\n1,my secret\n\r\n\n2,my secret\n\n", [A, A]),
    "a row of nothing but commas": _csv("id,answer\n,\n1,my secret\n", [Bad("string_too_short", "/answer"), A]),
    "quoted nothing": _csv('answer\n""\nmy secret\n', [Bad("string_too_short", "/answer"), A]),
    # --- quotes
    "unclosed quote": _csv('id,answer\n1,my secret\n2,"a secret\n3,b\n', Refused("unclosed_quote", 3, 3)),
    "unclosed quote at the end": _csv('answer\n"my secret', Refused("unclosed_quote", 2, 1)),
    "unclosed quote behind a long cell": _csv('id,answer\n"a\nb","my secret\n', Refused("unclosed_quote", 3, 4)),
    "unclosed quote that another closes": _csv('id,answer\n1,"a\n2,"my secret"\n', Refused("stray_quote", 3, 4)),
    "quotes not doubled": _csv('answer,id\n"a "secret" b",1\n', Refused("stray_quote", 2, 5)),
    "text behind a quote": _csv('answer\n"my" secret\n', Refused("stray_quote", 2, 5)),
    "quotes doubled": _csv('answer\n"a ""secret"""\n', ['a "secret"']),
    "quotes within plain text": _csv('answer\nmy "secret" b\n', ['my "secret" b']),
    "single quotes": _csv("answer,id\n'my secret',1\n", ["'my secret'"]),
    "quoted line ends stay as they are": _csv('answer\n"a\r\nsecret\rb\nc"\n', ["a\r\nsecret\rb\nc"]),
    "an unclosed quote over all": _csv('answer\n"' + "my secret\n" * 20_000, Refused("cell_too_long", 2, 1)),
    # --- line ends
    "no end of the last line": _csv("answer\nmy secret", [A]),
    "CR LF": _csv("answer\r\nmy secret\r\nmy secret\r\n", [A, A]),
    "CR": _csv("answer,id\rmy secret,1\rmy secret,2\r", [A, A]),
    "mixed ends": _csv("answer\rmy secret\r\nmy secret\nmy secret", [A, A, A]),
    "CR LF cut by a piece": _csv("answer\r\n" + f"{'x' * 1_005}\r\n" * 200, ["x" * 1_005] * 200),
    "line separators within": _csv("answer\nmy\u2028secret\x85\x0b\x0c\x1c\n", ["my\u2028secret\x85\x0b\x0c\x1c"]),
    # --- characters and sizes
    "csv NUL": _csv("answer\nmy secret\na\0secret\n", Refused("nul_character", 3, 2)),
    "csv NUL in the header": _csv("an\0swer\nmy secret\n", Refused("nul_character", 1, 3)),
    "control characters": _csv("answer\nmy\x01 secret\x7f\n", ["my\x01 secret\x7f"]),
    "huge cell": _csv(f"id,answer\n1,my secret\n2,{_LONG}\n", Refused("cell_too_long", 3, 3)),
    "huge cell between others": _csv(f'answer,id\nb,"{_LONG}"\n', Refused("cell_too_long", 2, 3)),
    "long answer": _csv(f"answer\n{_LONG[:20_001]}\nmy secret\n", [Bad("string_too_long", "/answer"), A]),
    "endless line": _csv("answer\n" + "a,secret" * (LONGEST_RECORD // 2), Refused("row_too_long", 2, 1)),
    # --- values
    "unknown question type": _csv(
        "answer,question_type\nsecret,secret\nmy secret,salary\n", [Bad("literal_error", "/question_type"), A]
    ),
    "dates and attempts": _csv("answer,date,attempt\nmy secret,2026-03-31,2\nmy secret,,\n", [A, A]),
    "a foreign date": _csv("answer,date\nsecret,31.3.2026\nmy secret,2026-02-29\n", [
        Bad("not_a_date", "line 2, column 'date'"), Bad("not_a_date", "line 3, column 'date'"),
    ]),
    "a wordy attempt": _csv("answer,attempt\nsecret,secret\nmy secret,1\n", [Bad("not_a_number", "'attempt'"), A]),
    # --- JSON Lines
    "jsonl": _jsonl(_GOOD * 2, [A, A]),
    "jsonl with mark": _jsonl(b"\xef\xbb\xbf" + _GOOD.encode(), [A]),
    "jsonl no end of the last line": _jsonl(_GOOD + _GOOD.strip(), [A, A]),
    "jsonl CR LF and blank lines": _jsonl(_GOOD.replace("\n", "\r\n") + "\r\n \n" + _GOOD, [A, A]),
    "jsonl line separators": _jsonl('{"answer":"my\u2028secret\u2029\x85 "}\n' + _GOOD, ["my\u2028secret\u2029\x85 ", A]),
    "jsonl CR within a line": _jsonl('{"answer":\r"my secret"}\n', [A]),
    "jsonl cut short": _jsonl('{"answer":"secret"\n' + _GOOD, [Bad("not_json", "line 1, column 19"), A]),
    "jsonl two on a line": _jsonl(_GOOD.strip() * 2 + "\n" + _GOOD, [Bad("not_json", "line 1, column 23"), A]),
    "jsonl over two lines": _jsonl('{"answer":\n"secret"}\n' + _GOOD, [
        Bad("not_json", "line 1, column 11"), Bad("not_json", "line 2, column 9"), A,
    ]),
    "jsonl a list of all": _jsonl('[{"answer":"secret"}]\n', [Bad("model_type", "line 1, column 1")]),
    "jsonl words": _jsonl("my secret\n" + _GOOD, [Bad("not_json", "line 1, column 1"), A]),
    "jsonl null": _jsonl("null\n" + _GOOD, [Bad("model_type", "line 1, column 1"), A]),
    "jsonl NaN": _jsonl('{"answer":NaN}\n' + _GOOD, [Bad("not_finite", "/answer"), A]),
    "jsonl 1e999": _jsonl('{"answer":"secret","attempt":1e999}\n', [Bad("not_finite", "/attempt")]),
    "jsonl duplicate names": _jsonl('{"answer":"secret","answer":"b"}\n' + _GOOD, [Bad("duplicate_name", "line 1"), A]),
    "jsonl lone surrogate": _jsonl('{"answer":"secret \\ud800"}\n' + _GOOD, [Bad("lone_surrogate", "/answer"), A]),
    "jsonl escaped NUL": _jsonl('{"answer":"secret\\u0000"}\n' + _GOOD, [Bad("nul_character", "/answer"), A]),
    "jsonl raw NUL": _jsonl('{"answer":"secret\0"}\n' + _GOOD, [Bad("not_json", "line 1, column 18"), A]),
    "jsonl deep": _jsonl('{"answer":' + "[" * 100_000 + "\n" + _GOOD, [Bad("too_deep", "line 1, column 30"), A]),
    "jsonl cp1252": _jsonl(b'{"answer":"it\x92s secret"}\n' + _GOOD.encode(), [Bad("not_utf8", "line 1, column 14"), A]),
    "jsonl utf-16": _jsonl(_GOOD.encode("utf-16"), Refused("not_utf8", 1, 1)),
    "jsonl utf-16 without mark": _jsonl(_GOOD.encode("utf-16-le"), Refused("not_utf8", 1, 1)),
    "jsonl mark within": _jsonl(_GOOD + "\ufeff" + _GOOD, [A, Bad("byte_order_mark", "line 2, column 1")]),
    "jsonl long line": _jsonl('{"answer":"' + "secret " * 40_000 + '"}\n' + _GOOD, [Bad("body_too_large", "line 1"), A]),
    "jsonl long answer": _jsonl(json.dumps({"answer": _LONG[:20_001]}) + "\n" + _GOOD, [
        Bad("string_too_long", "/answer"), A,
    ]),
    "jsonl unknown name": _jsonl('{"answer":"secret","secret":1}\n' + _GOOD, [Bad("extra_forbidden", ""), A]),
    "jsonl no answer": _jsonl('{"question":"secret"}\n' + _GOOD, [Bad("missing", "/answer"), A]),
    "jsonl answer a number": _jsonl('{"answer":1}\n' + _GOOD, [Bad("string_type", "/answer"), A]),
    "jsonl attempt a text": _jsonl('{"answer":"secret","attempt":"2"}\n' + _GOOD, [Bad("not_a_number", "'attempt'"), A]),
    "jsonl attempt true": _jsonl('{"answer":"secret","attempt":true}\n' + _GOOD, [Bad("not_a_number", "'attempt'"), A]),
    "jsonl date a number": _jsonl('{"answer":"secret","date":20260331}\n' + _GOOD, [Bad("not_a_date", "'date'"), A]),
    "jsonl date and attempt": _jsonl('{"answer":"my secret","date":"2026-03-31","attempt":2}\n', [A]),
    "csv called jsonl": _jsonl("answer\nsecret\n", [Bad("not_json", "line 1"), Bad("not_json", "line 2")]),
    "jsonl called csv": _csv(_GOOD, Refused("no_answer_column", 1, 1)),
}  # fmt: skip
