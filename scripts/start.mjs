// npm start: installs what is missing, builds, runs the main job in Node, then serves the demo page (not with --once).
import { join } from 'node:path';
import { buildPackage, installBuildTools } from './lib/build.mjs';
import { ROOT } from './lib/paths.mjs';
import { main } from './lib/run.mjs';
import { serveFolder } from './lib/static_server.mjs';

const PORT = Number(process.env.PORT ?? 8080);

await main(async () => {
  await installBuildTools();
  await buildPackage();
  const { runMainJob } = await import('./main_job.mjs');
  await runMainJob();
  if (process.argv.includes('--once')) return;
  const { url } = await serveFolder(join(ROOT, 'dist', 'web'), { isolated: true, port: PORT });
  console.log(`\nThe demo page: ${url} (Ctrl+C ends it)`);
});
