/** FIN, and the opcode of text. */
const FINAL_TEXT = 0x81;
/** Says that the length stands in the two, or eight, bytes that follow. */
const [TWO_BYTES, EIGHT_BYTES] = [126, 127];
/** From here on one byte, or two, do not hold the length. */
const [SHORT, MEDIUM] = [126, 0x10000];

/**
 * A text as one WebSocket frame of a server (not masked), header and payload in one piece, so that it goes out in one plain
 * write: https://datatracker.ietf.org/doc/html/rfc6455#section-5.2
 */
export function encodeTextFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerBytes = length < SHORT ? 2 : length < MEDIUM ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = FINAL_TEXT;
  if (length < SHORT) frame[1] = length;
  else if (length < MEDIUM) {
    frame[1] = TWO_BYTES;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = EIGHT_BYTES;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerBytes);
  return frame;
}
