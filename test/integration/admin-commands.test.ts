import { expect } from 'chai';
import { CommandError, parseCommand } from '../../cli/admin/commands.ts';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';

describe('the commands of npm run admin', () => {
  const database = useTestDatabase();

  before(async () => {
    const insert = "INSERT INTO users (id, email, role) VALUES ($1, 'ann@example.com', 'admin')";
    await rows(database().db, insert, [newId()]);
  });

  const run = (...words: string[]) =>
    parseCommand(words)?.({ database: database(), defaultRole: 'viewer' }) ?? 'no command';

  const unknown = [
    '',
    'grant',
    'revoke',
    'list ann@example.com',
    'revoke ann@example.com user',
    'promote ann@example.com',
    'grant ann@example.com user now',
  ];
  for (const words of unknown) {
    it(`are none of these words: "${words}"`, () => {
      expect(run(...words.split(' ').filter(Boolean))).to.equal('no command');
    });
  }

  const refused: [words: string, why: RegExp][] = [
    ['grant eve@example.com', /^There is no account of eve@example\.com/],
    ['revoke eve@example.com', /^There is no account of eve@example\.com/],
    ['grant ann@example.com king', /^There is no role "king"\. There are: admin, editor/],
  ];
  for (const [words, why] of refused) {
    it(`refuse "${words}", and change nothing`, async () => {
      const said = await Promise.resolve(run(...words.split(' '))).catch((error: unknown) => error);
      expect(said).to.be.instanceOf(CommandError);
      expect((said as CommandError).message).to.match(why);
      expect(await run('list')).to.equal('ann@example.com  admin');
    });
  }
});
