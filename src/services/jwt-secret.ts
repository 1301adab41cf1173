import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../base/config.ts';
import { newId } from '../base/ids.ts';
import { newSecret } from '../base/secrets.ts';

const MIN_CHARACTERS = 32;

/**
 * The secret that signs access tokens: JWT_SECRET, or one that is made at the first start and kept at
 * `<DATA_DIR>/jwt-secret`. The configuration sees to it that production has the former.
 *
 * @throws when the file cannot be made or read, or holds no good secret
 */
export async function loadJwtSecret(config: Pick<Config, 'JWT_SECRET' | 'DATA_DIR'>): Promise<string> {
  if (config.JWT_SECRET) return config.JWT_SECRET;
  const file = path.join(config.DATA_DIR, 'jwt-secret');
  const secret = (await readSecret(file)) ?? (await makeSecret(file));
  if (secret.length >= MIN_CHARACTERS) return secret;
  throw new Error(`${file} holds no secret of ${MIN_CHARACTERS} or more characters. Delete it.`);
}

/** Written in full under a name of its own, then linked: of two processes that start at once one wins. */
async function makeSecret(file: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${newId()}`;
  const secret = newSecret();
  await writeFile(draft, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, file);
    return secret;
  } catch (error) {
    const winner = await readSecret(file);
    if (winner === undefined) throw error;
    return winner;
  } finally {
    await unlink(draft);
  }
}

async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
