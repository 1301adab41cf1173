/** A request to Google. */
export interface TextRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** Longest wait for the whole answer, in milliseconds. */
  timeoutMs: number;
}

/** Longest answer, in bytes: what is asked for has a few hundred. */
const MAX_BYTES = 100_000;

/**
 * Sends a request and reads its answer, both within bounds. Redirects are not followed: they would be given what is
 * secret.
 *
 * @throws when no answer comes in time, or it is too long
 */
export async function fetchText(request: TextRequest): Promise<{ status: number; text: string }> {
  const { method, url, headers, body, timeoutMs } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(url, { method, headers, signal, redirect: 'error', ...(body && { body }) });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error(`an answer of Google has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.status, text: Buffer.concat(chunks).toString() };
}
