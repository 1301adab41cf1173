import type { Database } from './database.ts';

/** The connections of a pool. */
export interface PoolUse {
  /** Open, in use or not. */
  open: number;
  idle: number;
  /** Requests that wait for one. */
  waiting: number;
  /** Most that may be open. */
  max: number;
}

/** What of `pg.Pool` is read. */
interface CountedPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
  options: { max: number };
}

/** How much of the pool is in use now. Asks nobody. */
export function poolUse({ dataSource }: Pick<Database, 'dataSource'>): PoolUse {
  const { master } = dataSource.driver as unknown as { master: CountedPool };
  return {
    open: master.totalCount,
    idle: master.idleCount,
    waiting: master.waitingCount,
    max: master.options.max,
  };
}
