import { loadConfig } from './src/base/config.ts';
import { createDataSource } from './src/data/data-source.ts';

const { DATABASE_URL, DATABASE_POOL_SIZE } = loadConfig();

/** For the TypeORM command line: `npx tsx node_modules/typeorm/cli.js -d ormconfig.ts migration:show`. */
export default createDataSource({ url: DATABASE_URL ?? '', poolSize: DATABASE_POOL_SIZE });
