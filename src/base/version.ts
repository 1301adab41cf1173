import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The directory of `package.json`, from the sources and from the build alike. */
export const PACKAGE_ROOT = findPackageRoot(import.meta.dirname);

/** The version of this package. */
export const VERSION = (
  JSON.parse(readFileSync(path.join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string }
).version;

function findPackageRoot(directory: string): string {
  return existsSync(path.join(directory, 'package.json'))
    ? directory
    : findPackageRoot(path.dirname(directory));
}
