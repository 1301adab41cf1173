import { newId } from '../../src/base/ids.ts';
import type { AuditEntry } from '../../src/contracts/audit.ts';
import type { Permission } from '../../src/contracts/permissions.ts';
import { rows } from '../../src/data/database.ts';
import type { TestDatabase } from './database.ts';
import type { RestClient } from './rest-client.ts';
import { signUp, type TestUser } from './test-user.ts';
import { startWebApp, type WebApp } from './web-app.ts';

/** The web side with an admin, for tests of administration. */
export interface AdminWorld {
  readonly app: WebApp;
  readonly admin: RestClient;
  /** A new account; with a role of its own where permissions are named. */
  signUp(permissions?: Permission[]): Promise<{ user: TestUser; client: RestClient }>;
  /** What was written down of a target, oldest first. */
  audited(targetId: string): Promise<AuditEntry[]>;
  /** How many entries there are in all. */
  countAudited(): Promise<number>;
  close(): Promise<void>;
}

/** Starts it. The database stays open when it is closed. */
export async function startAdminWorld(
  database: TestDatabase,
  env: Record<string, string> = {},
): Promise<AdminWorld> {
  const email = `boss-${newId()}@example.com`;
  const app = await startWebApp(database, { ADMIN_EMAIL: email, RATE_LIMITS: 'off', ...env });
  const admin = (await signUp(app, email)).at(app);
  return {
    app,
    admin,
    async signUp(permissions) {
      const user = await signUp(app);
      const client = user.at(app);
      if (permissions) {
        const name = `role-${newId()}`;
        await admin.post('/admin/roles', { name, permissions });
        await admin.patch(`/admin/users/${user.id}`, { role: name });
      }
      return { user, client };
    },
    audited: async (targetId) =>
      (await admin.all<AuditEntry>(`/admin/audit-log?targetId=${encodeURIComponent(targetId)}`)).reverse(),
    async countAudited() {
      const sql = 'SELECT count(*)::int AS count FROM audit_log';
      return (await rows<{ count: number }>(database.db, sql))[0]?.count ?? 0;
    },
    close: () => app.close(),
  };
}
