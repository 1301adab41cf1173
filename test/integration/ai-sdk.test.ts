import { createOpenAI, type OpenAIProvider } from '@ai-sdk/openai';
import {
  APICallError,
  generateObject,
  generateText,
  type LanguageModel,
  Output,
  stepCountIs,
  streamText,
  tool,
} from 'ai';
import { expect } from 'chai';
import { z } from 'zod';
import { MODEL, rejection, SILENCE, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';

const { begin, text, reasoning, end, call, callReason } = openAiWire;
const lookUp = { id: 'call_1', name: 'weather', pieces: ['{"place":', '"Oslo"}'] };

/** The two APIs that the AI SDK speaks; the second is what it speaks where nothing is said. */
const MODELS: [name: string, model: (openai: OpenAIProvider) => LanguageModel][] = [
  ['openai.chat(...)', (openai) => openai.chat(MODEL)],
  ['openai(...), which is responses', (openai) => openai(MODEL)],
];

for (const [name, modelOf] of MODELS) {
  describe(`the Vercel AI SDK, ${name}`, () => {
    const world = useOneShotWorld();
    let model: LanguageModel;
    before(() => {
      const { baseURL, apiKey } = world();
      model = modelOf(createOpenAI({ baseURL, apiKey }));
    });
    afterEach(() => world().settled());

    const places: string[] = [];
    const weather = tool({
      description: 'The weather of a place',
      inputSchema: z.object({ place: z.string() }),
      execute: async ({ place }) => {
        places.push(place);
        return { sky: 'rain' };
      },
    });
    beforeEach(() => void places.splice(0));

    it('generates a text', async () => {
      world().script(...saying('Hi ', 'there'));
      const sent = world().nextRequest();
      const result = await generateText({
        model,
        system: 'Be brief.',
        prompt: 'Hello',
        maxOutputTokens: 50,
        temperature: 0.5,
      });
      expect(result.text).to.equal('Hi there');
      expect(result.finishReason).to.equal('stop');
      expect(result.usage).to.deep.include({ inputTokens: 7, outputTokens: 3, totalTokens: 10 });
      expect(result.warnings ?? []).to.deep.equal([]);
      expect((await sent).body.messages).to.deep.equal([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ]);
    });

    it('streams a text', async () => {
      world().script(begin, reasoning('Hm.'), text('Hi '), SILENCE, text('there'), end('length'));
      const result = streamText({ model, prompt: 'Hello' });
      let heard = '';
      for await (const part of result.textStream) heard += part;
      expect(heard).to.equal('Hi there');
      expect(await result.finishReason).to.equal('length');
      expect(await result.usage).to.deep.include({ inputTokens: 7, outputTokens: 3 });
    });

    it('runs a tool and goes on with what it answers', async () => {
      world().script(begin, text('Let me see.'), ...call(0, lookUp), end(callReason));
      world().script(...saying('It rains.'));
      const result = await generateText({
        model,
        prompt: 'And Oslo?',
        tools: { weather },
        stopWhen: stepCountIs(3),
      });
      expect(places).to.deep.equal(['Oslo']);
      expect(result.steps).to.have.lengthOf(2);
      expect(result.text).to.equal('It rains.');
      expectSecondStep();
    });

    it('runs a tool in a stream', async () => {
      world().script(begin, reasoning('Hm.'), text('Let me see.'), ...call(0, lookUp), end(callReason));
      world().script(...saying('It ', 'rains.'));
      const result = streamText({ model, prompt: 'And Oslo?', tools: { weather }, stopWhen: stepCountIs(3) });
      await result.consumeStream();
      expect(places).to.deep.equal(['Oslo']);
      expect(await result.text).to.equal('It rains.');
      expect((await result.steps).map(({ finishReason }) => finishReason)).to.deep.equal([
        'tool-calls',
        'stop',
      ]);
      expectSecondStep();
    });

    /** The model was told what it said, what it called and what came of it. */
    function expectSecondStep(): void {
      const messages = world().provider.requests[1]?.body.messages;
      expect(messages).to.deep.equal([
        { role: 'user', content: 'And Oslo?' },
        {
          role: 'assistant',
          content: 'Let me see.',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"place":"Oslo"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: '{"sky":"rain"}' },
      ]);
    }

    it('goes on with a conversation', async () => {
      world().script(...saying('Hi'));
      const first = await generateText({ model, prompt: 'Hello' });
      world().script(...saying('Yes'));
      const sent = world().nextRequest();
      await generateText({
        model,
        messages: [
          { role: 'user', content: 'Hello' },
          ...first.response.messages,
          { role: 'user', content: 'Sure?' },
        ],
      });
      expect((await sent).body.messages).to.deep.equal([
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Hi' },
        { role: 'user', content: 'Sure?' },
      ]);
    });

    it('generates objects', async () => {
      const schema = z.object({ sky: z.string() });
      world().script(...saying('{"sky":', '"rain"}'));
      const sent = world().nextRequest();
      const { object } = await generateObject({ model, schema, prompt: 'And Oslo?' });
      expect(object).to.deep.equal({ sky: 'rain' });
      expect((await sent).body.response_format).to.have.nested.property('json_schema.schema.properties.sky');
      world().script(...saying('{"sky":"sun"}'));
      const { output } = await generateText({
        model,
        prompt: 'And Rome?',
        output: Output.object({ schema }),
      });
      expect(output).to.deep.equal({ sky: 'sun' });
    });

    it('shows images', async () => {
      world().script(...saying('A dot'));
      const sent = world().nextRequest();
      await generateText({
        model,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image', image: Buffer.from('hi'), mediaType: 'image/png' },
            ],
          },
        ],
      });
      expect((await sent).body.messages).to.have.nested.property(
        '[0].content[1].image_url.url',
        'data:image/png;base64,aGk=',
      );
    });

    it('is refused as by OpenAI', async () => {
      const { baseURL } = world();
      const wrong = modelOf(createOpenAI({ baseURL, apiKey: 'pk_wrong' }));
      const error = await rejection(generateText({ model: wrong, prompt: 'Hello', maxRetries: 0 }));
      expect(APICallError.isInstance(error)).to.equal(true);
      expect(error).to.deep.include({ statusCode: 401, isRetryable: false });
    });

    it('is told of a stream that breaks off', async () => {
      world().script(begin, text('Hi '), 'reset');
      const errors: unknown[] = [];
      const result = streamText({ model, prompt: 'Hello', onError: ({ error }) => void errors.push(error) });
      let heard = '';
      for await (const part of result.textStream) heard += part;
      expect(heard).to.equal('Hi ');
      expect(errors).to.have.lengthOf(1);
      expect(await result.finishReason).to.equal('error');
    });
  });
}
