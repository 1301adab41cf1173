import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Agent, request as undiciRequest } from 'undici';
import { createAnthropicProvider } from '../src/providers/anthropic.ts';
import { drive } from '../src/providers/drive.ts';
import { createGeminiProvider } from '../src/providers/gemini.ts';
import { guardProvider } from '../src/providers/guard-provider.ts';
import { createOpenAiProvider } from '../src/providers/openai.ts';
import type { Provider, ProviderEvent } from '../src/providers/provider.ts';
import { median, type Row, ratioRow } from './support/row.ts';

/** The server, as a source or built, like this file. */
const CHILD = `./provider-wire-child${path.extname(import.meta.filename)}`;
const ROUNDS = 9;
/** First rounds that do not count: the code is not compiled yet. */
const WARM_UP_ROUNDS = 2;
const MAX_RATIO = 1.5;

/** How a run is made up. */
interface Load {
  name: string;
  /** What the server's model name says, see `provider-wire-child.ts`. */
  model: string;
  chunksPerStream: number;
  streamsAtOnce: number;
  repeats: number;
}

const LOADS: Load[] = [
  { name: 'unpaced', model: 'all-2000', chunksPerStream: 2000, streamsAtOnce: 4, repeats: 20 },
  { name: '200 x 50/s', model: 'paced-75', chunksPerStream: 75, streamsAtOnce: 200, repeats: 1 },
];

/** Reads one stream to its end; gives the number of characters of text. */
type Reader = (model: string) => Promise<number>;

/**
 * Worker CPU per chunk of each adapter, behind its guard and driven as the worker drives it, over that of the least that
 * gets the same text: an undici request, lines, `JSON.parse`, the delta. Unpaced, and as 200 streams of 50 chunks a
 * second, where each chunk is a network read of its own. Interleaved rounds, medians.
 */
export async function measureProviderParse(): Promise<Row[]> {
  const child = fork(new URL(CHILD, import.meta.url), {
    execArgv: CHILD.endsWith('.ts') ? ['--import=tsx'] : [],
  });
  try {
    const [port] = (await once(child, 'message')) as [number];
    const url = `http://127.0.0.1:${port}`;
    const rows: Row[] = [];
    for (const load of LOADS) {
      rows.push(await compare(`provider parse, openai, ${load.name}`, load, openAiReaders(url)));
      rows.push(await compare(`provider parse, anthropic, ${load.name}`, load, anthropicReaders(url)));
      rows.push(await compare(`provider parse, gemini, ${load.name}`, load, geminiReaders(url)));
    }
    return rows;
  } finally {
    child.disconnect();
  }
}

interface Readers {
  adapter: Reader;
  bare: Reader;
}

async function compare(name: string, load: Load, { adapter, bare }: Readers): Promise<Row> {
  const samples = { adapter: [] as number[], bare: [] as number[] };
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
    const bareUs = await cpuPerChunk(load, bare);
    const adapterUs = await cpuPerChunk(load, adapter);
    if (round < WARM_UP_ROUNDS) continue;
    samples.bare.push(bareUs);
    samples.adapter.push(adapterUs);
  }
  const [value, baseline] = [median(samples.adapter), median(samples.bare)];
  return ratioRow({ name, unit: 'us/chunk', value, baseline, most: MAX_RATIO });
}

/** Microseconds of CPU of this process, user and system, for each chunk. */
async function cpuPerChunk(load: Load, read: Reader): Promise<number> {
  const before = process.cpuUsage();
  for (let n = 0; n < load.repeats; n += 1) {
    const lengths = await Promise.all(Array.from({ length: load.streamsAtOnce }, () => read(load.model)));
    const expected = textLength(load.chunksPerStream);
    if (lengths.some((length) => length !== expected)) throw new Error('a stream was not read to its end');
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (load.repeats * load.streamsAtOnce * load.chunksPerStream);
}

function textLength(chunks: number): number {
  let length = 0;
  for (let n = 0; n < chunks; n += 1) length += ` word${n % 1000}`.length;
  return length;
}

function openAiReaders(url: string): Readers {
  return {
    adapter: throughPort(createOpenAiProvider({ name: 'openai', apiKey: 'none', baseURL: `${url}/v1` })),
    bare: bareReader(
      () => `${url}/v1/chat/completions`,
      (data: OpenAiData) => data.choices[0]?.delta.content ?? '',
    ),
  };
}

function anthropicReaders(url: string): Readers {
  return {
    adapter: throughPort(createAnthropicProvider({ apiKey: 'none', baseURL: url })),
    bare: bareReader(
      () => `${url}/v1/messages`,
      (data: AnthropicData) => (data.type === 'content_block_delta' ? (data.delta?.text ?? '') : ''),
    ),
  };
}

function geminiReaders(url: string): Readers {
  return {
    adapter: throughPort(createGeminiProvider({ apiKey: 'none', baseURL: url })),
    bare: bareReader(
      (model) => `${url}/v1beta/models/${model}:streamGenerateContent?alt=sse`,
      (data: GeminiData) => data.candidates[0]?.content.parts[0]?.text ?? '',
    ),
  };
}

interface OpenAiData {
  choices: { delta: { content?: string } }[];
}

interface AnthropicData {
  type: string;
  delta?: { text?: string };
}

interface GeminiData {
  candidates: { content: { parts: { text?: string }[] } }[];
}

function throughPort(adapter: Provider): Reader {
  const provider = guardProvider(adapter, { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 30_000 });
  return async (model) => {
    let length = 0;
    const request = { model, turns: [{ role: 'user' as const, content: 'Hello' }] };
    const take = (event: ProviderEvent) => {
      if (event.type === 'text') length += event.text.length;
      if (event.type === 'error') throw event.error;
      return undefined;
    };
    await drive(provider.stream(request, new AbortController().signal), { take });
    return length;
  };
}

function bareReader<Data>(urlOf: (model: string) => string, textOf: (data: Data) => string): Reader {
  const dispatcher = new Agent();
  return async (model) => {
    const { body } = await undiciRequest(urlOf(model), {
      method: 'POST',
      body: JSON.stringify({ model }),
      dispatcher,
    });
    body.setEncoding('utf8');
    let length = 0;
    let rest = '';
    for await (const chunk of body as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
        length += textOf(JSON.parse(line.slice(6)) as Data).length;
      }
    }
    return length;
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const row of await measureProviderParse()) {
    const figures = `${row.value.toFixed(2)} / ${row.baseline?.toFixed(2)} ${row.unit}`;
    console.log(
      `${row.ok ? 'ok  ' : 'MISS'} ${row.name}: ${row.ratio?.toFixed(2)} (${row.target})  ${figures}`,
    );
  }
}
