/** Families of models that go by a name of their own: the names of their members, with the version. */
const FAMILIES: Readonly<Record<string, RegExp>> = {
  // The customer has a price for it under this name.
  'gemini-flash': /(?:^|\/)gemini-(\d+(?:\.\d+)?)-flash$/,
};

/** The members of a family; none when there is no such family. */
export function membersOfFamily<M extends { name: string }>(family: string, models: Iterable<M>): M[] {
  const pattern = Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : undefined;
  return pattern ? [...models].filter(({ name }) => pattern.test(name)) : [];
}

/** Of members of a family, the one of the newest version. */
export function newestMember<M extends { name: string }>(
  family: string,
  members: readonly M[],
): M | undefined {
  const versionOf = ({ name }: M) => Number(FAMILIES[family]?.exec(name)?.[1]);
  return members.toSorted((one, other) => versionOf(other) - versionOf(one))[0];
}
