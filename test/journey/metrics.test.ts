import { expect } from 'chai';
import { ChatClient } from '../support/chat-client.ts';
import { Cluster } from '../support/cluster.ts';
import { type MetricsReading, parseMetrics } from '../support/metrics-text.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';

const TOKEN = 'a-token-of-the-journeys';

async function read(url: string): Promise<MetricsReading> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(answer.status).to.equal(200);
  return parseMetrics(await answer.text());
}

describeWithRedis('the metrics of web and worker processes', () => {
  let cluster: Cluster;
  let workerUrl: string;

  before(async function () {
    this.timeout(60_000);
    cluster = await Cluster.start({ webs: 1, workers: 1, env: { METRICS_TOKEN: TOKEN, METRICS_PORT: '0' } });
    const port = /"metricsPort":(\d+)/.exec(cluster.worker(0).output)?.[1];
    workerUrl = `http://127.0.0.1:${port}`;
  });
  after(() => cluster.close());

  it('tell each of what it did: the worker of the reply, the web process of the requests and the queues', async () => {
    const web = cluster.web(0);
    const ann = await signUp(web);
    const { id: sessionId } = await ann.at(web).newSession({ model: 'echo' });
    const device = await ChatClient.joined(ann, web, sessionId);
    await ann.at(web).say(sessionId, 'some words');
    await until('it was counted', async () => {
      const worker = await read(workerUrl);
      return worker.sum('parley_generations_ended_total', { status: 'completed', provider: 'echo' }) === 1;
    });
    const [ofWeb, ofWorker] = [await read(web.url), await read(workerUrl)];
    expect(ofWorker.sum('parley_deltas_published_total')).to.be.above(0);
    expect(ofWorker.sum('parley_frames_sent_total')).to.equal(0);
    expect(ofWorker.values('parley_http_request_seconds_count', 'route')).to.be.empty;
    expect(ofWorker.values('parley_queue_jobs', 'queue')).to.be.empty;
    expect(ofWeb.sum('parley_deltas_published_total')).to.equal(0);
    expect(ofWeb.sum('parley_frames_sent_total')).to.be.above(0);
    expect(ofWeb.sum('parley_connections', { kind: 'socket' })).to.equal(1);
    expect(ofWeb.values('parley_queue_jobs', 'queue')).to.have.members(['generations', 'model-sync']);
    device.cut();
  });

  it('are let go of at a stop', async () => {
    // A connection that is kept open would hold it up.
    await read(workerUrl);
    const exit = await cluster.worker(0).terminate();
    expect(exit.code).to.equal(0);
    expect(exit.afterMs).to.be.below(5_000);
    const error: unknown = await fetch(workerUrl).catch((reason: unknown) => reason);
    expect(error).to.be.an('error');
  });
});
