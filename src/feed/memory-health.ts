import type { CallCounts, Cooldown, HealthStore, TimeSlice } from './ports.ts';

/** The health of providers in a single process. */
export function createMemoryHealth(): HealthStore {
  const counted = new Map<string, Map<number, CallCounts>>();
  const cooldowns = new Map<string, Cooldown>();

  const slicesOf = (provider: string) => {
    const slices = counted.get(provider) ?? new Map<number, CallCounts>();
    counted.set(provider, slices);
    return slices;
  };

  return {
    async count(provider, { index, lengthMs, keepMs }, outcome) {
      const slices = slicesOf(provider);
      const counts = slices.get(index) ?? { ok: 0, failed: 0 };
      counts[outcome] += 1;
      slices.set(index, counts);
      for (const old of slices.keys()) if (old < index - keepMs / lengthMs) slices.delete(old);
    },

    async counts(provider, slices) {
      const all = slicesOf(provider);
      const counts = { ok: 0, failed: 0 };
      for (const { index } of slices) {
        counts.ok += all.get(index)?.ok ?? 0;
        counts.failed += all.get(index)?.failed ?? 0;
      }
      return counts;
    },

    async forget(provider, slices: TimeSlice[]) {
      for (const { index } of slices) slicesOf(provider).delete(index);
    },

    async putCooldown(cooldown) {
      cooldowns.set(cooldown.target, { ...cooldown });
    },

    async dropCooldown(target) {
      cooldowns.delete(target);
    },

    async cooldowns() {
      return [...cooldowns.values()].map((each) => ({ ...each }));
    },
  };
}
