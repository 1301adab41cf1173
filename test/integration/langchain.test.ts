import { type AIMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { expect } from 'chai';
import { z } from 'zod';
import { MODEL, rejection, SILENCE, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';

const { begin, text, call, end, callReason } = openAiWire;
const lookUp = { id: 'call_1', name: 'weather', pieces: ['{"place":', '"Oslo"}'] };

describe('LangChain', () => {
  const world = useOneShotWorld();
  const open = (apiKey = world().apiKey) =>
    new ChatOpenAI({
      model: MODEL,
      apiKey,
      configuration: { baseURL: world().baseURL },
      maxRetries: 0,
      temperature: 0.5,
      maxTokens: 50,
    });
  afterEach(() => world().settled());

  it('invokes', async () => {
    world().script(...saying('Hi ', 'there'));
    const sent = world().nextRequest();
    const answer = await open().invoke([new SystemMessage('Be brief.'), new HumanMessage('Hello')]);
    expect(answer.content).to.equal('Hi there');
    expect(answer.usage_metadata).to.deep.include({ input_tokens: 7, output_tokens: 3, total_tokens: 10 });
    expect(answer.response_metadata.finish_reason).to.equal('stop');
    expect((await sent).body.messages).to.deep.equal([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
    ]);
  });

  it('streams, and knows the usage', async () => {
    world().script(begin, text('Hi '), SILENCE, text('there'), end());
    let heard: AIMessage | undefined;
    let said = '';
    for await (const chunk of await open().stream('Hello')) {
      said += chunk.content;
      if (chunk.usage_metadata) heard = chunk as AIMessage;
    }
    expect(said).to.equal('Hi there');
    expect(heard?.usage_metadata).to.deep.include({ input_tokens: 7, output_tokens: 3 });
  });

  for (const way of ['invoked', 'streamed'] as const) {
    it(`has tools called, ${way}, and tells what came of it`, async () => {
      const weather = tool(async () => 'rain', {
        name: 'weather',
        description: 'The weather of a place',
        schema: z.object({ place: z.string() }),
      });
      const model = open().bindTools([weather]);
      const question = new HumanMessage('And Oslo?');
      world().script(begin, ...call(0, lookUp), end(callReason));
      const first =
        way === 'invoked' ? await model.invoke([question]) : await gather(model.stream([question]));
      expect(first.tool_calls?.map(({ name, args, id }) => [name, args, id])).to.deep.equal([
        ['weather', { place: 'Oslo' }, 'call_1'],
      ]);
      world().script(...saying('It rains.'));
      const sent = world().nextRequest();
      const answer = await model.invoke([
        question,
        first,
        new ToolMessage({ content: 'rain', tool_call_id: 'call_1' }),
      ]);
      expect(answer.content).to.equal('It rains.');
      expect((await sent).body.messages).to.deep.equal([
        { role: 'user', content: 'And Oslo?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"place":"Oslo"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
      ]);
    });
  }

  it('gets what follows a schema', async () => {
    world().script(...saying('{"sky":"rain"}'));
    const answer = await open()
      .withStructuredOutput(z.object({ sky: z.string() }))
      .invoke('And Oslo?');
    expect(answer).to.deep.equal({ sky: 'rain' });
  });

  it('is refused as by OpenAI', async () => {
    const error = await rejection(open('pk_wrong').invoke('Hello'));
    expect(error).to.have.property('status', 401);
  });

  async function gather(streaming: ReturnType<ReturnType<ChatOpenAI['bindTools']>['stream']>) {
    let whole: Awaited<typeof streaming> extends AsyncIterable<infer C> ? C | undefined : never;
    for await (const chunk of await streaming) whole = whole ? whole.concat(chunk) : chunk;
    if (!whole) throw new Error('nothing came');
    return whole;
  }
});
