import { createInterface } from "node:readline";
import { Refused } from "./command.ts";

/**
 * A secret from the person at the terminal, not shown while it is typed; or, when standard input is no terminal, all of
 * it less one newline at its end.
 * @throws if it is broken off; Refused if it is no UTF-8: read leniently, it would be another one
 */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    const bytes = await Bun.stdin.bytes();
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      return text.replace(/\r?\n$/, "");
    } catch {
      throw new Refused("what was entered is no UTF-8");
    }
  }
  stderr.write(question);
  const lines = createInterface({ input: stdin, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("close", () => reject(new Error("nothing was entered")));
    });
  } finally {
    lines.close();
    stderr.write("\n");
  }
}
