import { isIP } from 'node:net';

/** What a request says of where it comes from. */
export interface AddressSources {
  /** Who the connection is from; undefined once it is gone. */
  remoteAddress: string | undefined;
  /** The header `X-Forwarded-For`, if there is one: what each proxy saw, the nearest last. */
  forwardedFor: string | undefined;
}

/**
 * The address of the client, in its shortest form; IPv4 that comes as IPv6 is IPv4. Of `X-Forwarded-For` only the
 * last `proxyHops` entries are believed: our own proxies wrote those, all before them is the client's to invent. An
 * entry that is no address is not believed either: then it is the address of who connected.
 *
 * @param proxyHops how many proxies of ours stand before the server
 */
export function clientAddress(
  { remoteAddress = '', forwardedFor = '' }: AddressSources,
  proxyHops: number,
): string {
  const remote = shortest(remoteAddress) ?? remoteAddress;
  if (proxyHops === 0 || forwardedFor === '') return remote;
  const [first = ''] = forwardedFor.split(',').slice(-proxyHops);
  return shortest(withoutPort(first.trim())) ?? remote;
}

/** What addresses are counted by: an IPv4 address, or the /64 of an IPv6 address, all of which one client may have. */
export function addressBlock(address: string): string {
  const groups = ipv6Groups(address);
  if (!groups) return address;
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** `1.2.3.4:5678` and `[::1]:5678`, as some proxies write. */
function withoutPort(entry: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
}

/** One spelling for each address; undefined for what is none. */
function shortest(address: string): string | undefined {
  const groups = ipv6Groups(address);
  if (!groups) return isIP(address) === 4 ? address : undefined;
  const [high = 0, low = 0] = groups.slice(6);
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (mapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
}

/** The eight numbers of an IPv6 address; undefined for what is none. */
function ipv6Groups(address: string): number[] | undefined {
  const [bare = ''] = address.split('%');
  if (isIP(bare) !== 6) return undefined;
  // Its last two groups may be written as IPv4.
  const hex = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [before = '', after] = hex.split('::');
  const numbers = (text = '') =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [numbers(before), numbers(after)];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...zeros, ...right];
}
