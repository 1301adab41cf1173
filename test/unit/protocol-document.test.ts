import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../../src/base/version.ts';
import { doneSchema } from '../../src/contracts/events.ts';
import { messageSchema } from '../../src/contracts/message.ts';

describe('the document of the protocol', () => {
  for (const [what, begin, schema] of [
    ['a message', 'A message: `{', messageSchema],
    ['message:done', '| `message:done` | `{', doneSchema],
  ] as const) {
    it(`names every field of ${what}`, async () => {
      const text = await readFile(path.join(PACKAGE_ROOT, 'docs/protocol.md'), 'utf8');
      const from = text.indexOf(begin) + begin.length;
      const fields = text.slice(from, text.indexOf('}', from)).split(',');
      expect(fields.map((field) => field.trim())).to.have.members(Object.keys(schema.shape));
    });
  }
});
