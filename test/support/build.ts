import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Where a run compiles the sources to: inside of the package, so that imports are found. */
export const buildFolder = (): string => path.join(ROOT, '.tmp', `processes-${process.pid}`);

/** Compiles the sources into a folder, as for production: a process starts in two thirds of the time. */
export async function buildSources(folder: string): Promise<void> {
  const compiler = path.join(ROOT, 'node_modules/.bin/tsc');
  const out = ['--outDir', folder, '--tsBuildInfoFile', path.join(folder, '.tsbuildinfo')];
  const said = await new Promise<string>((resolve) => {
    // Type errors are the business of `npm run types`.
    execFile(compiler, ['-p', 'tsconfig.build.json', ...out], { cwd: ROOT }, (_error, stdout) =>
      resolve(stdout),
    );
  });
  if (!existsSync(path.join(folder, 'src/server.js'))) throw new Error(`the build failed:\n${said}`);
}
