import { expect, test } from "bun:test";
import { areas } from "./list.ts";

// What `bun run test:mutations` would find after minutes, in a moment: a change of the source, or of the document, may leave a row behind.
test("every row of the list names one place of the source, tests that exist, and a statement of docs/security.md", async () => {
  const documented = await Bun.file("docs/security.md").text();
  const faults: string[] = [];
  for (const { statement, file, find, test: files } of Object.values(areas).flat()) {
    const found = (await Bun.file(file).text()).split(find).length - 1;
    if (found !== 1) faults.push(`${file} has ${found} times: ${find}`);
    if (!documented.includes(statement)) faults.push(`not in docs/security.md: ${statement}`);
    for (const name of files) if (!(await Bun.file(name).exists())) faults.push(`there is no ${name}`);
  }
  expect(faults).toEqual([]);
});
