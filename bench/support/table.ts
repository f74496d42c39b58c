import type { Row } from "./bench.ts";

/** Rows as a Markdown table. */
export function table(rows: Row[]): string {
  const mark = ({ met }: Row) => (met === undefined ? "" : met === true ? "yes" : met || "**no**");
  const lines = rows.map((row) => [row.work, row.goal, row.measured, mark(row), row.detail]);
  return [
    ["work", "goal", "measured", "met", "medians [least–most]"],
    ["---", "---", "---", "---", "---"],
    ...lines,
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
