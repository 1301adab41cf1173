import { expect } from 'chai';
import { checkInput } from '../../src/base/validation.ts';
import { anthropicBody } from '../../src/contracts/anthropic-messages.ts';
import { chatCompletionBody } from '../../src/contracts/openai-chat.ts';
import { responseBody } from '../../src/contracts/openai-responses.ts';

const zeros = (length: number) => Array.from({ length }, () => 0);
const user = (content: unknown) => ({ role: 'user', content });

describe('a list of the APIs of others that is too long', () => {
  for (const [name, schema, list, rest] of [
    ['chat completions', chatCompletionBody, 'messages', { model: 'echo' }],
    ['responses', responseBody, 'input', { model: 'echo' }],
    ['messages', anthropicBody, 'messages', { model: 'echo', max_tokens: 5 }],
  ] as const) {
    const refused = (items: unknown[]) => {
      const checked = checkInput(schema, { ...rest, [list]: items }, 'body');
      return checked.ok ? [] : checked.errors;
    };

    it(`is refused without a look at its items: ${name}`, () => {
      for (const [items, path, most] of [
        [zeros(10_001), `body.${list}`, 10_000],
        [[user(zeros(1_001))], `body.${list}.0.content`, 1_000],
      ] as const) {
        const [error, ...more] = refused([...items]);
        expect(more).to.be.empty;
        expect(error?.path).to.equal(path);
        expect(error?.message).to.match(new RegExp(`must have at most ${most} items$`));
      }
    });

    it(`may have as many as that: ${name}`, () => {
      const type = list === 'input' ? 'input_text' : 'text';
      const parts = zeros(1_000).map(() => ({ type, text: 'a' }));
      expect(refused([user(parts), ...zeros(9_999).map(() => user('a'))])).to.deep.equal([]);
    });
  }
});
