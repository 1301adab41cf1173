import { listDevices, revokeDevice } from '../../contracts/routes/devices.ts';
import type { Devices } from '../../services/devices.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** Where a user is signed in. */
export function deviceRoutes({ devices }: { devices: Devices }): RouteModule {
  return (table) => {
    mountRoute(table, listDevices, ({ query }, { identity }) => devices.list(identity, query));

    mountRoute(table, revokeDevice, ({ params }, { identity }) => devices.revoke(identity.userId, params.id));
  };
}
