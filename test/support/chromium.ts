import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { type AptProgram, findAptTools, unpackWithApt } from "../../src/runtime/localDatabase/apt.ts";
import { dataFolder } from "./database.ts";

const copy = join(dataFolder, "chromium");
const report = (line: string) => process.stderr.write(`[chromium] ${line}\n`);

/** Debian's Chromium, with a font: without any it draws no text. */
const CHROMIUM: AptProgram = {
  name: "Chromium",
  packages: ["chromium", "chromium-common", "fontconfig-config", "fonts-dejavu-core"],
  path: (folder) => join(folder, "usr/lib/chromium/chromium"),
  libraries: librariesOf,
};

/** The folders with libraries, also those below that of the architecture, such as nss and pulseaudio. */
async function librariesOf(folder: string): Promise<string> {
  const found = new Set<string>();
  for (const lib of ["lib", "usr/lib"].map((name) => join(folder, name))) {
    if (!existsSync(lib)) continue;
    for (const name of await readdir(lib)) {
      if (!name.includes("-linux-")) continue;
      found.add(join(lib, name));
      for (const inner of ["nss", "pulseaudio"]) found.add(join(lib, name, inner));
    }
  }
  return [...found].join(":");
}

/** The browser of this machine, or one that is fetched into `.data/chromium` and stays there. */
async function provideChromium(): Promise<{ executablePath: string; env: Record<string, string> }> {
  const installed = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    .map((name) => Bun.which(name))
    .find((path) => path !== null);
  if (installed) return { executablePath: installed, env: {} };
  if (!existsSync(CHROMIUM.path(copy))) {
    const tools = process.platform === "linux" ? findAptTools(undefined) : undefined;
    if (!tools) throw new Error("these tests need Chromium: install it, so that `chromium` is on the PATH");
    report(
      "no browser here: fetching Debian's with apt-get download (about 110 MB, no root, nothing installed)",
    );
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    const begin = performance.now();
    await unpackWithApt(copy, tools, report, CHROMIUM);
    report(`fetched in ${Math.round((performance.now() - begin) / 1000)} s`);
  }
  const fonts = join(copy, "fonts.conf");
  await writeFile(
    fonts,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${copy}/usr/share/fonts</dir>` +
      `<dir>/usr/share/fonts</dir><cachedir>${copy}/fonts</cachedir></fontconfig>`,
  );
  return {
    executablePath: CHROMIUM.path(copy),
    env: { LD_LIBRARY_PATH: await librariesOf(copy), FONTCONFIG_FILE: fonts },
  };
}

/** A headless browser for a file of tests, with a home of its own; `close` ends it and removes that. */
export async function openBrowser(): Promise<{ browser: Browser; close(): Promise<void> }> {
  const { executablePath, env } = await provideChromium();
  const home = await mkdtemp(join(tmpdir(), "latchkey-chromium-"));
  const browser = await chromium.launch({
    executablePath,
    env: { PATH: process.env.PATH ?? "", HOME: home, ...env },
    // Its sandbox needs rights that neither root nor a container has. It opens pages of our own only.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    timeout: 120_000,
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** How long a test with a browser may take, and how long fetching one, in milliseconds: the machine may be busy. */
export const BROWSER_MS = 300_000;
export const FETCH_MS = 900_000;

/** A page that waits with patience. */
export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1400 } });
  page.setDefaultTimeout(BROWSER_MS / 3);
  return page;
}

/** Everything that a page complains of: errors of scripts, refused by a policy, requests that leave the machine. */
export function complaints(page: Page, origins: string[]): string[] {
  const found: string[] = [];
  page.on("pageerror", (error) => found.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) found.push(message.text());
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:" && protocol !== "blob:" && !origins.includes(origin))
      found.push(`left the machine: ${request.url()}`);
  });
  return found;
}
