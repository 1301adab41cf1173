import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { loadJwtSecret } from '../../src/services/jwt-secret.ts';

describe('the JWT secret', () => {
  let root: string;
  let dataDir: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'parley-secret-'));
    dataDir = path.join(root, 'not', 'there', 'yet');
  });
  afterEach(() => rm(root, { recursive: true }));

  const load = (JWT_SECRET?: string) => loadJwtSecret({ JWT_SECRET, DATA_DIR: dataDir });

  it('is the configured one, and then nothing is written', async () => {
    expect(await load('configured')).to.equal('configured');
    expect(await readdir(root)).to.be.empty;
  });

  it('is made once, for its owner alone, and kept', async () => {
    const secret = await load();
    expect(secret).to.have.lengthOf(43);
    expect(await load()).to.equal(secret);
    expect(await readdir(dataDir)).to.deep.equal(['jwt-secret']);
    expect((await stat(path.join(dataDir, 'jwt-secret'))).mode & 0o777).to.equal(0o600);
  });

  it('is the same for all that start at once', async () => {
    const secrets = await Promise.all(Array.from({ length: 20 }, () => load()));
    expect(new Set(secrets)).to.have.lengthOf(1);
    expect(await readdir(dataDir)).to.deep.equal(['jwt-secret']);
  });

  it('is refused when the file holds no good one', async () => {
    await load();
    await writeFile(path.join(dataDir, 'jwt-secret'), 'short');
    const error = await load().catch((reason: unknown) => reason);
    expect(error)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/jwt-secret/);
  });
});
