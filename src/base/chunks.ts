/**
 * Pieces of text put together into chunks of at least `minChars` UTF-16 code units (the last one may have less):
 * a write per piece would cost more than the pieces.
 */
export async function* inChunks(pieces: AsyncIterable<string>, minChars: number): AsyncGenerator<string> {
  let chunk = '';
  for await (const piece of pieces) {
    chunk += piece;
    if (chunk.length < minChars) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
