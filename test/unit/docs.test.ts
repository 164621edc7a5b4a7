import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSettings } from "../../config/parse.ts";
import { readRepositoryFile, repositoryPath } from "../../lib/repository-file.ts";
import { renderPages } from "../../scripts/docs.ts";
import { GOOD } from "../support/settings.ts";

describe("generated pages", () => {
  it.each(Object.entries(renderPages()))("%s is what `make docs` writes", (path, text) => {
    expect(readRepositoryFile(path)).toBe(text);
  });

  it("say something about every setting and every output", () => {
    const rows = Object.values(renderPages()).flatMap((page) => page.split("\n").filter((l) => l[0] === "|"));
    expect(rows.filter((row) => row.endsWith("|  |"))).toEqual([]);
  });
});

/** What GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

const anchorsIn = (page: string): readonly string[] =>
  [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

/** Relative links of a page that lead nowhere. */
function deadLinks(page: string): readonly string[] {
  const links = [...readRepositoryFile(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  return links
    .filter(([, path = "", anchor]) => {
      const target = path === "" ? page : join(dirname(page), path);
      if (!existsSync(repositoryPath(target))) return true;
      return anchor !== undefined && !anchorsIn(readRepositoryFile(target)).includes(anchor);
    })
    .map(([link]) => `${page}: ${link}`);
}

describe("links between pages", () => {
  it("lead to files and headings that exist", () => {
    const cwd = repositoryPath(".");
    const pages = globSync(["*.md", "{docs,components,examples,images,lab,test}/**/*.md"], { cwd });
    expect(pages.length).toBeGreaterThan(10);
    expect(pages.flatMap(deadLinks)).toEqual([]);
  });
});

describe("a map of known fields", () => {
  it("is asked for in words when something else stands there", () => {
    const { problems } = parseSettings({ ...GOOD, etcd: "4Gi" });
    expect(problems).toEqual([
      {
        field: "gardenos:etcd",
        got: "4Gi",
        want: "a map of the fields in docs/config.md",
        fix: "pulumi config set --path 'gardenos:etcd' <value>",
      },
    ]);
  });
});
