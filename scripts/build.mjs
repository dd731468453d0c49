// npm run build: installs what the build needs, then builds engine, package (dist/package) and page (dist/web).
import { buildPackage, installBuildTools } from './lib/build.mjs';
import { main } from './lib/run.mjs';

await main(async () => {
  await installBuildTools();
  await buildPackage();
});
