import { expect } from 'chai';
import fc from 'fast-check';
import { makeCallId, signCallId, splitCallId } from '../../src/providers/tool-call-id.ts';

describe('the id of a call', () => {
  it('gives back the signature that it carries, byte for byte, and is of letters that every provider takes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const signature = Buffer.from(bytes).toString('base64');
        const id = makeCallId();
        const carrying = signCallId(id, signature);
        expect(carrying).to.match(/^[A-Za-z0-9_-]+$/);
        expect(splitCallId(carrying)).to.deep.equal({ id, signature });
      }),
    );
  });

  it('carries nothing that is not base64', () => {
    for (const signature of ['', 'a b', 'abc', 'a-b_', 'ab==cd==']) {
      expect(signCallId('x', signature), signature).to.equal('x');
    }
  });

  it('is itself where it carries nothing', () => {
    for (const id of ['call_1', 'toolu_01A', '', 'functions.f:0']) {
      expect(splitCallId(id)).to.deep.equal({ id, signature: undefined });
    }
  });
});
