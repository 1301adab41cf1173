import { expect } from 'chai';
import { addressBlock, clientAddress } from '../../src/base/client-address.ts';

describe('the address of a client', () => {
  const proxy = '10.0.0.1';
  const behind = (forwardedFor: string, hops: number) =>
    clientAddress({ remoteAddress: proxy, forwardedFor }, hops);

  it('is who connected, where there is no proxy, whatever the header says', () => {
    expect(behind('6.6.6.6', 0)).to.equal(proxy);
    expect(clientAddress({ remoteAddress: undefined, forwardedFor: undefined }, 0)).to.equal('');
  });

  it('is what the outermost of our proxies saw; what stands before it is not believed', () => {
    expect(behind('6.6.6.6, 1.2.3.4', 1)).to.equal('1.2.3.4');
    expect(behind('6.6.6.6, 1.2.3.4, 10.0.0.2', 2)).to.equal('1.2.3.4');
    expect(behind('6.6.6.6,6.6.6.7 ,1.2.3.4,10.0.0.2', 2)).to.equal('1.2.3.4');
  });

  it('is the outermost that there is, when a request came past fewer proxies', () => {
    expect(behind('1.2.3.4', 2)).to.equal('1.2.3.4');
    expect(behind('', 2)).to.equal(proxy);
  });

  it('is never what is no address', () => {
    for (const entry of [
      'unknown',
      '_hidden',
      '1.2.3',
      '1.2.3.4.5',
      '999.1.1.1',
      '::g',
      '1::2::3',
      ' ',
      '<script>',
      "'--",
    ]) {
      expect(behind(`6.6.6.6, ${entry}`, 1), entry).to.equal(proxy);
    }
  });

  it('has no port, and no brackets', () => {
    expect(behind('1.2.3.4:5678', 1)).to.equal('1.2.3.4');
    expect(behind('[2001:db8::1]:443', 1)).to.equal('2001:db8::1');
    expect(behind('[2001:db8::1]', 1)).to.equal('2001:db8::1');
  });

  it('has one spelling', () => {
    for (const entry of ['2001:DB8:0:0:0:0:0:1', '2001:0db8::0001', '2001:db8::1%eth0']) {
      expect(behind(entry, 1), entry).to.equal('2001:db8::1');
    }
    for (const entry of ['::ffff:1.2.3.4', '::FFFF:102:304', '0:0:0:0:0:ffff:1.2.3.4']) {
      expect(behind(entry, 1), entry).to.equal('1.2.3.4');
      expect(clientAddress({ remoteAddress: entry, forwardedFor: undefined }, 0), entry).to.equal('1.2.3.4');
    }
    expect(behind('64:ff9b::1.2.3.4', 1)).to.equal('64:ff9b::102:304');
    expect(behind('::1', 1)).to.equal('::1');
    expect(behind('::', 1)).to.equal('::');
  });
});

describe('what an address is counted by', () => {
  it('is an IPv4 address as it is', () => {
    expect(addressBlock('1.2.3.4')).to.equal('1.2.3.4');
  });

  it('is the /64 of an IPv6 address', () => {
    expect(addressBlock('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2::/64');
    expect(addressBlock('2001:db8:1:2:ffff::')).to.equal(addressBlock('2001:db8:1:2::1'));
    expect(addressBlock('2001:db8:1:3::1')).not.to.equal(addressBlock('2001:db8:1:2::1'));
    expect(addressBlock('::1')).to.equal('0:0:0:0::/64');
  });

  it('is what it is, where that is no address', () => {
    expect(addressBlock('')).to.equal('');
  });
});
