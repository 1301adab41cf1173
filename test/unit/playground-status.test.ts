import { expect } from 'chai';
import type { GenerationStatus } from '../../src/contracts/message.ts';
import type { RunStatus } from '../../src/contracts/playground.ts';
import type { LaneState } from '../../src/data/repositories/lanes.ts';
import { presentRunEnd, statusOfLanes } from '../../src/presenters/playground.ts';

describe('how the lanes of a run stand together', () => {
  const cases: [GenerationStatus[], RunStatus][] = [
    [['queued', 'queued'], 'running'],
    [['completed', 'streaming', 'failed'], 'running'],
    [['completed', 'completed'], 'completed'],
    [['completed', 'failed'], 'partial'],
    [['completed', 'cancelled'], 'partial'],
    [['failed', 'cancelled'], 'failed'],
    [['failed', 'failed'], 'failed'],
    [['cancelled', 'cancelled'], 'cancelled'],
    [[], 'cancelled'],
  ];
  for (const [lanes, status] of cases) {
    it(`is ${status} with ${lanes.join(', ') || 'none left'}`, () => {
      expect(statusOfLanes(lanes)).to.equal(status);
    });
  }

  it('is summed up exactly, and the time is that of the slowest', () => {
    const lane = (costUsd: string, credits: string, completedAt: string): LaneState => ({
      status: 'completed',
      costUsd,
      credits,
      inputTokens: 2,
      outputTokens: 3,
      createdAt: new Date('2026-11-21T00:00:00.000Z'),
      completedAt: new Date(completedAt),
    });
    const ended = [
      lane('0.1', '0.1', '2026-11-21T00:00:01.500Z'),
      lane('0.2', '0.2', '2026-11-21T00:00:00.250Z'),
    ];
    expect(presentRunEnd('s', ended, 10)).to.deep.equal({
      sessionId: 's',
      status: 'completed',
      totalCost: { usd: 0.3, inr: 3 },
      totalTokens: 10,
      totalCredits: 0.3,
      responseTimeMs: 1_500,
    });
    expect(presentRunEnd('s', [], 10).responseTimeMs).to.equal(null);
  });
});
