import { expect } from 'chai';
import { cleanTitle, titleTurns } from '../../src/services/title-text.ts';

describe('cleanTitle', () => {
  it('leaves a plain title as it is', () => {
    expect(cleanTitle('Why the sky is blue')).to.equal('Why the sky is blue');
    expect(cleanTitle("Anna's C++ questions")).to.equal("Anna's C++ questions");
  });

  it('takes off what models put around it', () => {
    expect(cleanTitle('"Why the sky is blue."')).to.equal('Why the sky is blue');
    expect(cleanTitle('\n\n## **Blue skies**\n\nThis title is good because ...')).to.equal('Blue skies');
    expect(cleanTitle('Title: “Himmelblau”')).to.equal('Himmelblau');
    expect(cleanTitle('**Title:** Blue skies')).to.equal('Blue skies');
  });

  it('cuts one that is too long, between words', () => {
    const title = cleanTitle('word '.repeat(100)) ?? '';
    expect(title).to.have.length.of.at.most(80);
    expect(title).to.match(/word…$/);
  });

  it('is none where nothing is left', () => {
    for (const text of ['', ' \n ', '""', '***']) expect(cleanTitle(text), text).to.equal(undefined);
  });
});

describe('titleTurns', () => {
  it('quotes the beginning of the conversation, however long it is', () => {
    const [system, user] = titleTurns({ question: 'Why?\n"Now"', reply: 'x'.repeat(100_000) });
    expect(system?.role).to.equal('system');
    expect(user?.content).to.include(JSON.stringify('Why? "Now"'));
    expect(user?.content.length).to.be.below(5_000);
  });
});
