import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { z } from 'zod';
import { loadConfig } from '../../src/base/config.ts';
import { configShape } from '../../src/base/config-schema.ts';
import { PACKAGE_ROOT } from '../../src/base/version.ts';

/** A variable as a document shows it. */
interface Variable {
  name: string;
  /** Empty: it has none. */
  defaultValue: string;
  description: string;
}

describe('the documents of the configuration', () => {
  it('.env.example lists every variable in order, with its description and default', async () => {
    expect(await readEnvExample()).to.deep.equal(inSchema());
  });

  it('the README lists the same', async () => {
    expect(await readTable()).to.deep.equal(inSchema());
  });

  it('.env.example as it stands is the default configuration', async () => {
    const env = Object.fromEntries((await readEnvExample()).map((each) => [each.name, each.defaultValue]));
    expect(loadConfig(env)).to.deep.equal(loadConfig({}));
  });
});

function inSchema(): Variable[] {
  return Object.entries(configShape).map(([name, schema]: [string, z.ZodType]) => {
    const value = schema.safeParse(undefined).data ?? '';
    return { name, defaultValue: String(value), description: schema.description ?? '' };
  });
}

async function readEnvExample(): Promise<Variable[]> {
  const text = await read('.env.example');
  const variables = [...text.matchAll(/^# (.+)\n([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
    ([, description = '', name = '', defaultValue = '']) => ({ name, defaultValue, description }),
  );
  const assignments = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(assignments, 'variables without a description').to.have.length(variables.length);
  return variables;
}

async function readTable(): Promise<Variable[]> {
  const [, table = ''] = /^## Configuration$([\s\S]*?)^## /m.exec(await read('README.md')) ?? [];
  return [...table.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \| (?:`(.+)`)? *\| (.+) \|$/gm)].map(
    ([, name = '', defaultValue = '', description = '']) => ({ name, defaultValue, description }),
  );
}

const read = (file: string): Promise<string> => readFile(path.join(PACKAGE_ROOT, file), 'utf8');
