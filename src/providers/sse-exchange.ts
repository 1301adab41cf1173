import type { Readable } from 'node:stream';
import { classifyError } from './classify-error.ts';
import { EventChannel } from './event-channel.ts';
import { JsonRefusal } from './json-refusal.ts';
import { ProviderError, type ProviderEvent } from './provider.ts';
import { SilenceTimer } from './silence-timer.ts';
import { SseParser } from './sse-parser.ts';
import { StreamingResponse } from './upstream-fetch.ts';

/** How long a body may stay open after the wire's mark of its end, so that the connection can be used again. */
const LINGER_MS = 100;

/**
 * How long a body may be silent once the model has stopped. Some servers mark no end and keep the connection open; others give
 * a finish reason with every event, or count a good while after it, so each event begins this anew.
 */
const QUIET_MS = 2_000;

/** Made once: without a reason each abort makes an exception with a stack of its own. */
const CLOSED = new Error('Nobody reads the stream any more.');

/** Where a reader puts the events that it has read. */
export interface EventSink {
  push(event: ProviderEvent): void;
}

/**
 * How far a stream has come: the model writes (`open`), it has given a reason to stop (`stopped`; more may come all the same),
 * or the wire has marked the end (`over`).
 */
export type StreamStage = 'open' | 'stopped' | 'over';

/** Reads one stream of one wire: knows what the data of its events means. */
export interface WireReader {
  /**
   * Reads the data of one event.
   *
   * @returns how far the stream has come with it; what comes after its end is not read any more
   * @throws {SyntaxError} when the data is not JSON
   */
  read(data: string, out: EventSink): StreamStage;
  /** The stream has ended or broken: gives what was kept back, and `finish` if the model had finished. */
  end(out: EventSink): void;
}

/** One request whose answer is an event stream. */
export interface SseExchange {
  /** Sends the request through an SDK that uses our `fetch`. Aborting the signal must end it. */
  send(signal: AbortSignal): Promise<Response>;
  reader: WireReader;
  /** How a failure is classified; {@link classifyError} unless the wire needs more. */
  classify?: (error: unknown) => ProviderError;
}

/** Runs an exchange as a provider's stream. The request goes out when iteration begins. */
export function streamSse(exchange: SseExchange, signal: AbortSignal): AsyncIterable<ProviderEvent> {
  return new EventChannel({ signal, open: (channel) => void run(exchange, channel) });
}

async function run(exchange: SseExchange, channel: EventChannel): Promise<void> {
  // Not the caller's signal: the openai SDK never takes its listener off again.
  const controller = new AbortController();
  channel.onClose = () => controller.abort(CLOSED);
  try {
    const response = await exchange.send(controller.signal);
    if (!(response instanceof StreamingResponse)) throw new TypeError('The SDK was given another fetch.');
    readBody(response.stream, exchange, channel);
  } catch (error) {
    fail(error, exchange, channel);
  }
}

function fail(error: unknown, { classify = classifyError }: SseExchange, channel: EventChannel): void {
  if (!channel.closed) channel.push({ type: 'error', error: classify(error) });
}

function readBody(body: Readable, exchange: SseExchange, channel: EventChannel): void {
  const { reader } = exchange;
  let stage: StreamStage = 'open';
  const refusal = new JsonRefusal();
  const silence = new SilenceTimer(() => finish());
  const parser = new SseParser({
    onData: (data) => {
      if (channel.closed || stage === 'over') return;
      stage = reader.read(data, channel);
      if (stage !== 'open') listen();
    },
  });
  /** There was a reason to stop: how much longer it is listened. */
  const listen = () => {
    if (channel.closed || body.isPaused()) return;
    silence.begin(stage === 'over' ? LINGER_MS : QUIET_MS);
  };
  const guarded = (step: () => void) => {
    try {
      step();
    } catch (error) {
      fail(error instanceof ProviderError ? error : brokenStream(), exchange, channel);
    }
  };
  const finish = (error?: unknown) => {
    silence.end();
    guarded(() => reader.end(channel));
    if (!channel.closed) fail(error ?? brokenStream(), exchange, channel);
  };

  channel.onPressure = (full) => {
    if (full) {
      silence.end(); // It is ours: who reads is slower than the provider.
      body.pause();
    } else {
      body.resume();
      if (stage !== 'open') listen();
    }
  };
  body.on('error', finish);
  body.on('end', () => {
    channel.onClose = undefined; // The exchange is over: an abort would end nothing, and it is not free.
    guarded(() => parser.end());
    finish(refusal.error());
  });
  body.on('data', (bytes: Buffer) => {
    if (!refusal.takes(bytes)) guarded(() => parser.push(bytes));
  });
}

function brokenStream(): ProviderError {
  return new ProviderError('stream_broken', 'The stream of the provider broke off or could not be read.');
}
