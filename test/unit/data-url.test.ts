import { expect } from 'chai';
import { readDataUrl } from '../../src/providers/data-url.ts';
import { ProviderError } from '../../src/providers/provider.ts';

describe('a data URL', () => {
  it('is its type and its data', () => {
    for (const [url, mediaType, data] of [
      ['data:image/png;base64,iVBORw0KGgo=', 'image/png', 'iVBORw0KGgo='],
      ['DATA:Image/PNG;charset=x;Base64,AA==', 'image/png', 'AA=='],
      ['data:image/jpg;base64,AA==', 'image/jpeg', 'AA=='],
      ['data:image/svg+xml,%3Csvg/%3E', 'image/svg+xml', Buffer.from('<svg/>').toString('base64')],
      ['data:,a', 'text/plain', 'YQ=='],
    ] as const) {
      expect(readDataUrl(url), url).to.deep.equal({ mediaType, data });
    }
  });

  it('is none where the address is another', () => {
    expect(readDataUrl('https://example.com/data:image/png;base64,AA==')).to.equal(undefined);
  });

  it('is refused where it cannot be read', () => {
    for (const url of ['data:image/png;base64', 'data:text/plain,%E0%A4%A']) {
      expect(() => readDataUrl(url), url)
        .to.throw(ProviderError)
        .with.property('code', 'bad_request');
    }
  });
});
