import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { ChatTurn } from '../../src/contracts/prompt.ts';
import type { ContextMessage } from '../../src/data/repositories/messages.ts';
import { buildContext } from '../../src/services/build-context.ts';
import { contextBudget } from '../../src/services/context-budget.ts';
import { TokenCounts } from '../../src/services/token-counts.ts';

function message(
  role: ContextMessage['role'],
  content: string,
  parentId: string | null = null,
): ContextMessage {
  return { id: newId(), parentId, role, content, model: null, lane: null };
}

const user = (content: string) => message('user', content);

function reply(question: ContextMessage, content: string, model = 'a/one'): ContextMessage {
  return { ...message('assistant', content, question.id), model };
}

interface Options {
  systemPrompt?: string;
  model?: string;
  budgetTokens?: number;
  truncated?: boolean;
}

/** The turns for `a/one`; `history` is given oldest first, as it was written. */
async function context(history: ContextMessage[], options: Options = {}): Promise<string[]> {
  const { model = 'a/one', budgetTokens = 100_000, truncated = false, ...settings } = options;
  const turns = await buildContext(
    { settings, model, question: user('now'), history: history.toReversed(), truncated, budgetTokens },
    new TokenCounts(),
  );
  return turns.map(({ role, content }: ChatTurn) => `${role}: ${content}`);
}

describe('buildContext', () => {
  it('is the question alone when nothing stands before it', async () => {
    expect(await context([])).to.deep.equal(['user: now']);
  });

  it('gives the history in the order in which it was written, the question last', async () => {
    const [one, two] = [user('one'), user('two')];
    const history = [one, reply(one, 'first'), two, reply(two, 'second')];
    expect(await context(history)).to.deep.equal([
      'user: one',
      'assistant: first',
      'user: two',
      'assistant: second',
      'user: now',
    ]);
  });

  describe('the system prompt', () => {
    it('stands before everything', async () => {
      const one = user('one');
      expect(await context([one, reply(one, 'first')], { systemPrompt: ' Be brief. ' })).to.deep.equal([
        'system: Be brief.',
        'user: one',
        'assistant: first',
        'user: now',
      ]);
    });

    it('is left out when it is blank', async () => {
      expect(await context([], { systemPrompt: ' \n' })).to.deep.equal(['user: now']);
    });
  });

  describe('of several replies to one message', () => {
    const one = user('one');
    const two = user('two');

    it("is the model's own", async () => {
      const history = [one, reply(one, 'mine'), reply(one, 'theirs', 'b/two')];
      expect(await context(history)).to.deep.equal(['user: one', 'assistant: mine', 'user: now']);
      expect((await context(history, { model: 'b/two' }))[1]).to.equal('assistant: theirs');
    });

    it('is the newest of its own', async () => {
      const history = [one, reply(one, 'mine'), reply(one, 'mine again'), reply(one, 'theirs', 'b/two')];
      expect(await context(history)).to.deep.equal(['user: one', 'assistant: mine again', 'user: now']);
    });

    it('is the newest of any where it has none', async () => {
      const history = [one, reply(one, 'theirs', 'b/two'), reply(one, 'others', 'c/three')];
      expect(await context(history)).to.deep.equal(['user: one', 'assistant: others', 'user: now']);
    });

    it('is none that is empty, as the failed and the running are', async () => {
      const history = [one, reply(one, 'theirs', 'b/two'), reply(one, '')];
      expect(await context(history)).to.deep.equal(['user: one', 'assistant: theirs', 'user: now']);
    });

    it('stands behind its question, though it was written again after the next one', async () => {
      const history = [one, reply(one, 'first'), two, reply(two, 'second'), reply(one, 'first again')];
      expect(await context(history)).to.deep.equal([
        'user: one',
        'assistant: first again',
        'user: two',
        'assistant: second',
        'user: now',
      ]);
    });

    it('stands where its question did that was deleted, though it was written again after the next one', async () => {
      const [gone, two] = [user('one'), user('two')];
      const zero = user('zero');
      const history = [zero, reply(zero, 'zeroth'), reply(gone, 'first'), two, reply(two, 'second')];
      history.push(reply(gone, 'first again'));
      expect(await context(history)).to.deep.equal([
        'user: zero',
        'assistant: zeroth',
        'assistant: first again',
        'user: two',
        'assistant: second',
        'user: now',
      ]);
    });

    it('is chosen for every message by itself', async () => {
      const history = [one, reply(one, 'mine'), two, reply(two, 'theirs', 'b/two')];
      expect(await context(history)).to.deep.equal([
        'user: one',
        'assistant: mine',
        'user: two',
        'assistant: theirs',
        'user: now',
      ]);
    });
  });

  it('keeps every text that was posted for the assistant', async () => {
    const one = user('one');
    const history = [one, message('assistant', 'kept', one.id), message('assistant', 'this, too', one.id)];
    expect(await context(history)).to.deep.equal([
      'user: one',
      'assistant: kept',
      'assistant: this, too',
      'user: now',
    ]);
  });

  it("begins with a turn of the user's, though the oldest message is a reply", async () => {
    const gone = user('deleted');
    const one = user('one');
    const history = [message('assistant', 'Welcome.'), reply(gone, 'orphan'), one, reply(one, 'first')];
    expect(await context(history)).to.deep.equal(['user: one', 'assistant: first', 'user: now']);
    expect(await context(history.slice(0, 2))).to.deep.equal(['user: now']);
  });

  describe('a history that is longer than the budget', () => {
    /** 100 tokens: each of these words is one. */
    const hundred = 'word '.repeat(100).trim();

    it('is left out from its oldest on, the system prompt and the question never', async () => {
      const [one, two] = [user(hundred), user('two')];
      const history = [one, reply(one, hundred), two, reply(two, 'second')];
      const options = { systemPrompt: hundred, budgetTokens: 250 };
      expect(await context(history, options)).to.deep.equal([
        `system: ${hundred}`,
        'user: two',
        'assistant: second',
        'user: now',
      ]);
      expect(await context(history, { systemPrompt: hundred, budgetTokens: 1 })).to.deep.equal([
        `system: ${hundred}`,
        'user: now',
      ]);
    });

    it('leaves no gap: what is older than a message that does not fit goes, too', async () => {
      const [one, two, three] = [user('one'), user(`${hundred} ${hundred}`), user('three')];
      const history = [one, two, three, reply(three, 'third')];
      const turns = await context(history, { budgetTokens: 150 });
      expect(turns).to.deep.equal(['user: three', 'assistant: third', 'user: now']);
    });

    it('is not spent on replies that are not given', async () => {
      const one = user('one');
      const history = [one, reply(one, 'mine'), reply(one, hundred, 'b/two'), reply(one, hundred, 'b/two')];
      const turns = await context(history, { budgetTokens: 60 });
      expect(turns).to.deep.equal(['user: one', 'assistant: mine', 'user: now']);
    });

    it('is dropped in blocks: prompts go on to begin alike, never too long, never less than half full', async () => {
      const counts = new TokenCounts();
      const history: ContextMessage[] = [];
      const budgetTokens = 40 * 104;
      const beginnings: string[] = [];
      for (let asked = 0; asked < 300; asked += 1) {
        const question = user(hundred);
        const input = { settings: {}, model: 'a/one', question, history: history.toReversed() };
        const truncated = history.length > 100;
        if (truncated) input.history.length = 100;
        const turns = await buildContext({ ...input, truncated, budgetTokens }, counts);
        expect(turns.length).to.be.at.most(40);
        const first = history.length + 1 - turns.length;
        if (history.length >= 40) {
          expect(turns.length).to.be.at.least(20);
          beginnings.push(history[first]?.id ?? '');
        }
        history.push(question, reply(question, hundred));
      }
      expect(new Set(beginnings).size, 'different beginnings').to.be.below(beginnings.length / 3);
    });
  });
});

describe('contextBudget', () => {
  it('is the window less what the reply may take, less a tenth', () => {
    const window = { contextLength: 100_000, maxOutputTokens: 8_000 };
    expect(contextBudget(window, {})).to.equal(82_800);
    expect(contextBudget({ ...window, maxOutputTokens: 64_000 }, {})).to.equal(
      Math.floor((100_000 - 16_384) * 0.9),
    );
    expect(contextBudget(window, { maxTokens: 50_000 })).to.equal(45_000);
    expect(contextBudget({ ...window, maxOutputTokens: 1_000 }, {})).to.equal(89_100);
  });

  it('keeps most of a small window for the prompt, and is never negative', () => {
    expect(contextBudget({ contextLength: 4_000, maxOutputTokens: null }, {})).to.equal(2_700);
    expect(contextBudget({ contextLength: 4_000, maxOutputTokens: null }, { maxTokens: 9_000 })).to.equal(0);
  });

  it('of a model that tells nothing is that of a usual one', () => {
    const window = { contextLength: null, maxOutputTokens: null };
    expect(contextBudget(window, {})).to.equal(Math.floor((32_000 - 4_096) * 0.9));
  });
});
