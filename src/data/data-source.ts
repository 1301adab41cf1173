import type { EventEmitter } from 'node:events';
import { DataSource } from 'typeorm';
import { CreateSchema1763640000000 } from '../../migrations/1763640000000-CreateSchema.ts';
import { AddCatalogue1763700000000 } from '../../migrations/1763700000000-AddCatalogue.ts';
import { AddCredits1763800000000 } from '../../migrations/1763800000000-AddCredits.ts';
import { AddIdentity1763900000000 } from '../../migrations/1763900000000-AddIdentity.ts';
import { AddDoors1764000000000 } from '../../migrations/1764000000000-AddDoors.ts';
import { AddNewestMessage1764100000000 } from '../../migrations/1764100000000-AddNewestMessage.ts';
import { Connection } from './connection.ts';
import { ApiKeyEntity } from './entities/api-key.ts';
import { GenerationEntity } from './entities/generation.ts';
import { GroupEntity } from './entities/group.ts';
import { IdempotencyEntity } from './entities/idempotency.ts';
import { AccountEntity, LedgerEntryEntity } from './entities/ledger.ts';
import { MessageEntity } from './entities/message.ts';
import { CatalogueStateEntity, ModelEntity } from './entities/model.ts';
import { PasswordResetEntity } from './entities/password-reset.ts';
import { RefreshFamilyEntity, RefreshTokenEntity } from './entities/refresh-token.ts';
import { RoleEntity } from './entities/role.ts';
import { SessionEntity } from './entities/session.ts';
import { UserEntity } from './entities/user.ts';
import { SnakeNaming } from './snake-naming.ts';

/** Where the database is, and how many connections this process may hold. */
export interface DataSourceSettings {
  url: string;
  poolSize: number;
  /**
   * How long PostgreSQL may say nothing while it owes the answer to an ordinary statement, in milliseconds; see
   * `data/connection.ts`. Left out: for as long as it likes, as migrations need it.
   */
  silenceMs?: number;
  /** Longest that connecting may take, in milliseconds; see `data/connection.ts`. */
  connectMs?: number;
}

/** The one DataSource, for the app and for the TypeORM command line. Not connected yet. */
export function createDataSource({ url, poolSize, silenceMs, connectMs }: DataSourceSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    poolSize,
    applicationName: 'parley',
    extra: { onConnect: listenToErrors, Client: Connection, silenceMs, connectMs },
    namingStrategy: new SnakeNaming(),
    entities: [
      AccountEntity,
      ApiKeyEntity,
      CatalogueStateEntity,
      GenerationEntity,
      GroupEntity,
      IdempotencyEntity,
      LedgerEntryEntity,
      MessageEntity,
      ModelEntity,
      PasswordResetEntity,
      RefreshFamilyEntity,
      RefreshTokenEntity,
      RoleEntity,
      SessionEntity,
      UserEntity,
    ],
    migrations: [
      CreateSchema1763640000000,
      AddCatalogue1763700000000,
      AddCredits1763800000000,
      AddIdentity1763900000000,
      AddDoors1764000000000,
      AddNewestMessage1764100000000,
    ],
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
  });
}

/**
 * From a connection's opening until TypeORM has it in hand nobody listens to it, and PostgreSQL may end it in that same
 * moment: an error that nobody listens to ends the process. Whoever uses the connection next hears of it in any case.
 */
function listenToErrors(connection: EventEmitter): void {
  connection.on('error', () => {});
}
