import { createInterface } from "node:readline";

/**
 * A secret from the person at the terminal, not shown while it is typed; or, when standard input is no terminal, all of
 * it less one newline at its end.
 * @throws if it is broken off
 */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    const text = await new Response(Bun.stdin.stream()).text();
    return text.replace(/\r?\n$/, "");
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
