import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One request that was sent to the seed's service, and what it answered. */
export interface Exchange {
  /** As the transcript shows it, for the name of a test. */
  title: string;
  method: string;
  path: string;
  /** `<JWT>` stands where a token was. */
  headers: Record<string, string>;
  body: string | undefined;
  answer: { status: number; json: Record<string, unknown> | undefined };
}

/** Reads the recording of the seed's service: curl's arguments, then the raw answer, one block after another. */
export function readTranscript(): Exchange[] {
  const text = readFileSync(join(import.meta.dir, "..", "fixtures", "flask-transcript.txt"), "utf8");
  return text
    .split(/^### /m)
    .slice(1)
    .map((block) => {
      const [title = "", statusLine = "", ...rest] = block.split("\n");
      const json = rest.find((line) => line.startsWith("{") && !line.startsWith('{"alg"'));
      const body = / -d (.*)$/.exec(title)?.[1];
      const headers = Object.fromEntries(
        [...title.matchAll(/-H ([\w-]+): (.*?)(?= -[Hd] |$)/g)].map(([, name = "", value = ""]) => [
          name,
          value,
        ]),
      );
      // curl's own default where a body has no type.
      if (body !== undefined) headers["Content-Type"] ??= "application/x-www-form-urlencoded";
      const method = title.startsWith("-I ") ? "HEAD" : /-X (\w+)/.exec(title)?.[1];
      return {
        title: title.slice(0, 90),
        method: method ?? "GET",
        path: /(?:^| )(\/\S*)/.exec(title)?.[1] ?? "",
        headers,
        body,
        answer: { status: Number(statusLine.split(" ")[1]), json: json ? JSON.parse(json) : undefined },
      };
    });
}
