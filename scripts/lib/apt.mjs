// Packages of Debian and Ubuntu.
import { outputOf, run, say, which } from './run.mjs';

export const hasApt = () => which('apt-get') !== null && which('dpkg-query') !== null;

const isInstalled = (name) => outputOf('dpkg-query', ['-W', '-f', '${db:Status-Status}', name])?.startsWith('installed') ?? false;

function runAsRoot(...command) {
  const [program, ...args] = process.getuid() === 0 ? command : ['sudo', ...command];
  run(program, args);
}

let updated = false;
function update() {
  if (updated) return;
  updated = true;
  runAsRoot('apt-get', 'update', '-qq');
}

/** Whether apt can install a package of this name (a virtual or renamed one does not count). */
export function isAvailable(name) {
  if (isInstalled(name)) return true;
  update();
  return /Candidate: (?!\(none\))/.test(outputOf('apt-cache', ['policy', name]) ?? '');
}

/** Installs those of the packages that are missing, and says so before. */
export function installPackages(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  say(`Installing packages: ${missing.join(' ')}`);
  update();
  runAsRoot('env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing);
}
