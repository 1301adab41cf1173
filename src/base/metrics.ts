import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { inTime } from './in-time.ts';
import { tally } from './tally.ts';

/** An HTTP request that was answered. */
export interface AnsweredRequest {
  method: string;
  /** The pattern, as in `/groups/:id`; never the path. */
  route: string;
  status: number;
  seconds: number;
}

/** A reply that a worker has ended. Times are left out where no model was asked. */
export interface EndedReply {
  provider: string;
  status: 'completed' | 'failed' | 'cancelled';
  seconds?: number | undefined;
  /** To the first text or reasoning. */
  firstTokenSeconds?: number | undefined;
  inputTokens: number;
  outputTokens: number;
  /** What was charged. */
  credits: number;
}

/** What a gauge shows: one number, or one for each set of labels. */
export type Reading = number | { labels: Record<string, string>; value: number }[];

/** A number that is read when somebody asks. */
export interface GaugeSource {
  name: string;
  help: string;
  labels?: string[];
  /** When it throws, or takes too long, the gauge is left out of this answer. */
  read: () => Reading | Promise<Reading>;
}

/** What this process counts, for Prometheus. No label holds an id, or anything that a user wrote. */
export interface Metrics {
  requestAnswered(request: AnsweredRequest): void;
  replyEnded(reply: EndedReply): void;
  /** @param outcome `ok`, or the code of the error */
  providerCalled(provider: string, outcome: string): void;
  /** Adds a number that is read at each {@link text}. A name is given once. */
  gauge(source: GaugeSource): void;
  /** All of it, in the text format 0.0.4. Answers even when a gauge does not. */
  text(): Promise<string>;
}

/** The media type of {@link Metrics.text}. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** What one gauge may take, in milliseconds. */
const READ_MS = 2_000;
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const REPLY_SECONDS = [0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320];
const FIRST_TOKEN_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];

/** Makes the metrics of a process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });

  const requests = new Histogram({
    name: 'parley_http_request_seconds',
    help: 'HTTP requests; of event streams the time until they began',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const replies = counter('parley_generations_ended_total', 'Replies that workers ended', [
    'provider',
    'status',
  ]);
  const replySeconds = new Histogram({
    name: 'parley_generation_seconds',
    help: 'From the begin of an attempt to the end of its reply, by who answered',
    labelNames: ['provider'],
    buckets: REPLY_SECONDS,
    registers,
  });
  const firstTokenSeconds = new Histogram({
    name: 'parley_generation_first_token_seconds',
    help: 'From the begin of an attempt to its first text or reasoning, by who answered',
    labelNames: ['provider'],
    buckets: FIRST_TOKEN_SECONDS,
    registers,
  });
  const tokens = counter('parley_tokens_total', 'Tokens of replies', ['provider', 'direction']);
  const credits = counter('parley_credits_charged_total', 'Credits that replies were charged');
  const calls = counter('parley_provider_calls_total', 'Calls of providers: ok, or the code of the error', [
    'provider',
    'outcome',
  ]);
  countTally(registers);
  defaults();

  return {
    requestAnswered: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: String(status) }, seconds),

    replyEnded(reply) {
      const { provider, status } = reply;
      replies.inc({ provider, status });
      if (reply.seconds !== undefined) replySeconds.observe({ provider }, reply.seconds);
      if (reply.firstTokenSeconds !== undefined)
        firstTokenSeconds.observe({ provider }, reply.firstTokenSeconds);
      tokens.inc({ provider, direction: 'input' }, reply.inputTokens);
      tokens.inc({ provider, direction: 'output' }, reply.outputTokens);
      credits.inc(reply.credits);
    },

    providerCalled: (provider, outcome) => calls.inc({ provider, outcome }),

    gauge({ name, help, labels = [], read }) {
      const collect = async function (this: Gauge) {
        this.reset();
        const reading = await inTime(async () => read(), READ_MS).catch(() => []);
        if (typeof reading === 'number') this.set(reading);
        else for (const each of reading) this.set(each.labels, each.value);
      };
      new Gauge({ name, help, labelNames: labels, registers, collect });
    },

    async text() {
      const [ours, process] = await Promise.all([registry.metrics(), defaults().metrics()]);
      return `${ours}\n${process}`;
    },
  };
}

function countTally(registers: Registry[]): void {
  const plain = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  plain('parley_deltas_published_total', 'Pieces of text that were published', () => tally.deltasPublished);
  plain(
    'parley_deltas_failed_total',
    'Pieces of text that the broker did not take',
    () => tally.deltasFailed,
  );
  plain('parley_frames_sent_total', 'Frames written to sockets and event streams', () => tally.framesSent);
  plain(
    'parley_frames_dropped_total',
    'Frames that slow readers were not sent: they are sent the state',
    () => tally.framesDropped,
  );
}

let ofProcess: Registry | undefined;

/** CPU, memory, event loop, garbage collection: of the process, so that there is one of them, begun with the first metrics. */
function defaults(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
