// Python environments under the cache folder: TensorFlow for the conformance tests, and pinned tools.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CACHE, TF_PYTHON, TOOLS } from './paths.mjs';
import { outputOf, run, say, which } from './run.mjs';
import { once } from './stamp.mjs';

const TF_PACKAGES = ['tensorflow-cpu==2.15.1', 'keras==2.15.0', 'h5py', 'numpy<2', 'scikit-learn'];
const TF_PYTHONS = ['python3.11', 'python3.10', 'python3.9', 'python3'];
const CLANG_FORMAT = 'clang-format==22.1.8';

const pip = (python, packages) => run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);

function makeVenv(folder, python) {
  if (!existsSync(join(folder, 'bin', 'python'))) run(python, ['-m', 'venv', folder]);
}

/** clang-format in the one version that formats this code. */
export async function installTools() {
  const folder = dirname(TOOLS);
  await once(join(folder, 'installed'), CLANG_FORMAT, () => {
    say(`Installing ${CLANG_FORMAT}`);
    makeVenv(folder, 'python3');
    pip(join(TOOLS, 'python'), [CLANG_FORMAT]);
  });
}

/** A Python that TensorFlow 2.15 has wheels for. */
const isSupported = (python) =>
  /^3\.(9|10|11)$/.test(outputOf(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])?.trim() ?? '');

/** TensorFlow 2.15.1; returns why it cannot be had, or null. */
export async function installTensorFlow() {
  const folder = join(CACHE, 'venv-tf');
  try {
    await once(join(folder, 'installed'), TF_PACKAGES.join(' '), () => {
      say(`Installing ${TF_PACKAGES.join(', ')}`);
      const python = TF_PYTHONS.find((name) => which(name) && isSupported(name));
      if (python || existsSync(TF_PYTHON)) {
        makeVenv(folder, python);
        pip(TF_PYTHON, TF_PACKAGES);
      } else {
        installWithUv(folder);
      }
    });
    return null;
  } catch (error) {
    return `TensorFlow 2.15.1 cannot be installed here: ${error.message}`;
  }
}

/** uv brings a Python of its own. */
function installWithUv(folder) {
  let uv = which('uv');
  if (!uv) {
    makeVenv(dirname(TOOLS), 'python3');
    pip(join(TOOLS, 'python'), ['uv']);
    uv = join(TOOLS, 'uv');
  }
  run(uv, ['venv', '--quiet', '--python', '3.11', folder]);
  run(uv, ['pip', 'install', '--quiet', '--python', TF_PYTHON, ...TF_PACKAGES]);
}
