// npm test: installs what is missing, builds everything and runs every suite. Fails where any of them does.
import { buildNative, buildPackage, installBuildTools } from './lib/build.mjs';
import { installChromium } from './lib/chromium.mjs';
import { installTensorFlow, installTools } from './lib/python.mjs';
import { main } from './lib/run.mjs';
import { listSuites, runSuites } from './lib/suites.mjs';
import { installTestPrograms } from './lib/toolchain.mjs';

await main(async () => {
  await installBuildTools();
  await installTools();
  installTestPrograms();
  const tensorflowMissing = await installTensorFlow();
  const chromium = await installChromium();
  await buildNative('native');
  await buildNative('native-asan');
  await buildNative('native-tsan');
  await buildPackage();
  if (!(await runSuites(listSuites({ chromium, tensorflowMissing })))) process.exitCode = 1;
});
