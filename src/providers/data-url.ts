import { ProviderError } from './provider.ts';

/** What a `data:` URL holds. */
export interface InlineData {
  /** As in `image/png`. */
  mediaType: string;
  /** Base64. */
  data: string;
}

/**
 * Reads a `data:` URL (RFC 2397); undefined for any other.
 *
 * @throws {ProviderError} `bad_request` for one that cannot be read
 */
export function readDataUrl(url: string): InlineData | undefined {
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(',');
  if (comma < 0) throw unreadable();
  const [type = '', ...parameters] = url.slice('data:'.length, comma).toLowerCase().split(';');
  const data = url.slice(comma + 1);
  return {
    // Not a media type, but written by many; a provider refuses it.
    mediaType: type === 'image/jpg' ? 'image/jpeg' : type || 'text/plain',
    data: parameters.at(-1)?.trim() === 'base64' ? data : toBase64(data),
  };
}

function toBase64(escaped: string): string {
  try {
    return Buffer.from(decodeURIComponent(escaped)).toString('base64');
  } catch {
    throw unreadable();
  }
}

function unreadable(): ProviderError {
  return new ProviderError('bad_request', 'An image of the request is a data URL that cannot be read.');
}
