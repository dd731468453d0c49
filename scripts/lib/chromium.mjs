// A Chromium for the browser tests: the one named in CHROME_PATH, one on the PATH, apt's, Playwright's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, installPackages, isAvailable } from './apt.mjs';
import { CACHE } from './paths.mjs';
import { outputOf, run, say, which } from './run.mjs';

const onPath = () => which('chromium', 'chromium-browser', 'google-chrome', 'chrome');
// Ubuntu's packages of these names only bring a snap, which cannot read our folders.
const isDebian = () => /^ID=debian$/m.test(outputOf('cat', ['/etc/os-release']) ?? '');

/** {path} of a Chromium, or {why} there is none. */
export async function installChromium() {
  const given = process.env.CHROME_PATH;
  if (given) return existsSync(given) ? { path: given } : { why: `CHROME_PATH names ${given}, which does not exist` };
  if (onPath()) return { path: onPath() };
  try {
    if (hasApt() && isDebian() && isAvailable('chromium')) {
      installPackages(['chromium']);
      return { path: onPath() };
    }
    return { path: await fromPlaywright() };
  } catch (error) {
    return { why: `no Chromium on the PATH, and none can be installed (${error.message}); name one in CHROME_PATH` };
  }
}

async function fromPlaywright() {
  process.env.PLAYWRIGHT_BROWSERS_PATH = join(CACHE, 'playwright');
  const { chromium } = await import('playwright-core');
  const path = chromium.executablePath();
  if (!existsSync(path)) {
    say("Installing Playwright's Chromium");
    run('npx', ['playwright-core', 'install', ...(hasApt() ? ['--with-deps'] : []), 'chromium']);
  }
  return path;
}
