/** Filters and pages of a list, from the query of a request. Lists are in the order of creation. */
import type { Context } from "hono";
import { invalidField } from "./errors.ts";

const PER_PAGE = { default: 25, max: 50 };

interface Listed {
  readonly id: number;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Answers `{[key]: [...], meta}` with what matches `name` and `label_selector`. */
export function answerList<T extends Listed>(
  c: Context,
  key: string,
  rows: readonly T[],
  view: (row: T) => object = (row) => row,
): Response {
  const name = c.req.query("name");
  const selector = c.req.query("label_selector") ?? "";
  const matches = selectorFor(selector);
  const found = rows.filter((row) => (name === undefined || row.name === name) && matches(row.labels ?? {}));
  return answerPage(c, key, found, view);
}

/** Answers one page; `meta.pagination` is always there. */
export function answerPage<T>(
  c: Context,
  key: string,
  rows: readonly T[],
  view: (row: T) => object,
): Response {
  const page = count(c, "page", 1);
  const per_page = Math.min(count(c, "per_page", PER_PAGE.default), PER_PAGE.max);
  const last_page = Math.max(1, Math.ceil(rows.length / per_page));
  const pagination = {
    page,
    per_page,
    previous_page: page > 1 ? page - 1 : null,
    next_page: page < last_page ? page + 1 : null,
    last_page,
    total_entries: rows.length,
  };
  const shown = rows.slice((page - 1) * per_page, page * per_page).map(view);
  return c.json({ [key]: shown, meta: { pagination } });
}

function count(c: Context, parameter: string, fallback: number): number {
  const text = c.req.query(parameter) ?? String(fallback);
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw invalidField(parameter, "must be a positive number");
}

type Test = (labels: Readonly<Record<string, string>>) => boolean;

/** All of `k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)` and `k notin (a,b)`, joined by commas. */
function selectorFor(selector: string): Test {
  const tests = selector.split(/,(?![^(]*\))/).map((term) => term.trim());
  if (selector.trim() === "") return () => true;
  const parsed = tests.map(parseTerm);
  return (labels) => parsed.every((test) => test(labels));
}

function parseTerm(term: string): Test {
  const set = /^([\w./-]+) +(in|notin) +\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = "", operator, values = ""] = set;
    const wanted = values.split(",").map((value) => value.trim());
    return ({ [key]: value }) => (value !== undefined && wanted.includes(value)) === (operator === "in");
  }
  const pair = /^([\w./-]+) *(!=|==?) *([\w.-]*)$/.exec(term);
  if (pair) {
    const [, key = "", operator, value] = pair;
    return (labels) => (labels[key] === value) === (operator !== "!=");
  }
  const [, not = "", key = ""] = /^(!?)([\w./-]+)$/.exec(term) ?? [];
  if (key === "") throw invalidField("label_selector", `'${term}' is no label selector`);
  return (labels) => key in labels === (not === "");
}
