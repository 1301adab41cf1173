/** A part of a prompt between two tags, which nothing in it can end. */
export function framed(tag: string, text: string): string {
  const tags = new RegExp(`<(?=\\s{0,4}/?\\s{0,4}${tag}\\b)`, 'gi');
  return `<${tag}>\n${text.replaceAll(tags, '‹')}\n</${tag}>`;
}
