import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../../src/base/version.ts';

const run = promisify(execFile);

/** Says something on a terminal, in a process of its own: what is installed cannot be changed in this one. */
const SPEAK = `
  const { createLogger } = await import('./src/base/logger.ts');
  createLogger({ level: 'info', pretty: true }).info('hello');
`;
const WITHOUT_PRETTY = `
  import { Module } from 'node:module';
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (name, ...more) => {
    if (name.startsWith('pino-pretty')) throw new Error('not installed');
    return resolve(name, ...more);
  };
`;

describe('the logger', () => {
  it('writes readable lines for people', async () => {
    expect(await say([])).to.match(/INFO.*hello/);
  });

  it('writes JSON for them, too, where the packages for development are not installed', async () => {
    const line: unknown = JSON.parse(await say(['--import', `data:text/javascript,${WITHOUT_PRETTY}`]));
    expect(line).to.include({ msg: 'hello' });
  });
});

async function say(options: string[]): Promise<string> {
  const args = [...options, '--import', 'tsx', '--input-type=module', '--eval', SPEAK];
  return (await run(process.execPath, args, { cwd: PACKAGE_ROOT })).stdout;
}
