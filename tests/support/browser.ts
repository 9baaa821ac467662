import type { Browser } from "playwright-core";
import { mayRunPrograms } from "./permissions.ts";

/** The names that Debian, Fedora, Arch and Google give to Chromium. */
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The path of a Chromium that this test run may start, or undefined. */
export function findChromium(): string | undefined {
  if (!mayRunPrograms) return undefined;
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find(isFile);
}

/** Starts a browser without a window; the caller closes it. */
export async function openBrowser(executablePath: string): Promise<Browser> {
  // Not at the top: its modules read the environment, which tests without permissions may not.
  const { chromium } = await import("playwright-core");
  // Containers run as root, where Chromium's own sandbox refuses to start; our pages are our own.
  return await chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
