import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { provideProgram } from "./programs.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Debian's Chromium, with a font: without any it draws no text. */
const CHROMIUM = {
  packages: ["chromium", "chromium-common", "fontconfig-config", "fonts-dejavu-core"],
  program: "usr/lib/chromium/chromium",
  libraries: ["nss", "pulseaudio"],
};

/** The browser of this machine, or one that is fetched into `.data/chromium` and stays there. */
async function provideChromium(): Promise<{ executablePath: string; env: Record<string, string> }> {
  const { path, env, copy } = await provideProgram(NAMES, CHROMIUM);
  if (copy === undefined) return { executablePath: path, env };
  const fonts = join(copy, "fonts.conf");
  await writeFile(
    fonts,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${copy}/usr/share/fonts</dir>` +
      `<dir>/usr/share/fonts</dir><cachedir>${copy}/fonts</cachedir></fontconfig>`,
  );
  return { executablePath: path, env: { ...env, FONTCONFIG_FILE: fonts } };
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
