import type { DoorParts } from './door-parts.ts';
import type { RouteModule } from './http/route-table.ts';
import { createCalls } from './services/calls.ts';

/** Builds the doors of one-shot calls, under `/v1`. */
export function composeCalls(doors: DoorParts): RouteModule[] {
  const calls = createCalls({ ...doors, models: doors.core.models });
  void calls;
  return [];
}
