import { expect } from 'chai';
import fc from 'fast-check';
import { circleInWords, findCircles, nameOf } from '../../src/services/enhance/entity-circle.ts';

const entity = (id: number) => ({ type: 'note', id: String(id) });
const SIZE = 8;
/** A graph over a few records: pairs of who points to whom. */
const graph = fc.array(fc.tuple(fc.nat(SIZE - 1), fc.nat(SIZE - 1)), { maxLength: 20 });

/** The fewest steps between two records, by trying all lengths. */
function stepsBetween(edges: [number, number][], from: number, to: number): number | undefined {
  let reached = new Set([from]);
  for (let steps = 0; steps <= SIZE; steps += 1) {
    if (reached.has(to)) return steps;
    reached = new Set(edges.filter(([source]) => reached.has(source)).map(([, target]) => target));
  }
  return undefined;
}

describe('circles of relations', () => {
  it('are told as a way from a record back to it', () => {
    const home = { type: 'opportunity', id: '1' };
    const note = { type: 'note', id: '2' };
    const [circle = []] = findCircles(home, [note], [{ ...note, relations: [home] }]);
    expect(circleInWords(circle)).to.equal('opportunity/1 -> note/2 -> opportunity/1');
    const elsewhere = { ...note, relations: [{ type: 'note', id: '1' }] };
    expect(findCircles(home, [note], [elsewhere])).to.deep.equal([undefined]);
  });

  it('are found for exactly the relations that close one, and the shortest way is told', () =>
    fc.assert(
      fc.property(graph, fc.nat(SIZE - 1), fc.array(fc.nat(SIZE - 1)), (edges, from, targets) => {
        const reached = Array.from({ length: SIZE }, (_, id) => ({
          ...entity(id),
          relations: edges.filter(([source]) => source === id).map(([, target]) => entity(target)),
        }));
        const circles = findCircles(entity(from), targets.map(entity), reached);
        expect(circles).to.have.length(targets.length);
        for (const [index, circle] of circles.entries()) {
          const to = targets[index] ?? 99;
          const steps = stepsBetween(edges, to, from);
          expect(circle?.length).to.equal(steps === undefined ? undefined : steps + 2);
          if (!circle) continue;
          expect(
            [circle[0], circle[1], circle.at(-1)].map((each) => nameOf(each ?? entity(99))),
          ).to.deep.equal([from, to, from].map((id) => nameOf(entity(id))));
          for (let at = 1; at + 1 < circle.length; at += 1) {
            const pair = [Number(circle[at]?.id), Number(circle[at + 1]?.id)];
            expect(edges).to.deep.include(pair);
          }
        }
      }),
    ));

  it('of several that are as short, the one over the relations that come first is told', () => {
    const [home, note, first, second] = [entity(0), entity(1), entity(2), entity(3)];
    const reached = [
      { ...second, relations: [home] },
      { ...first, relations: [home] },
      { ...note, relations: [first, second] },
    ];
    const [circle = []] = findCircles(home, [note], reached);
    expect(circleInWords(circle)).to.equal('note/0 -> note/1 -> note/2 -> note/0');
  });

  it('of many records are told by their beginning and their end', () => {
    const long = Array.from({ length: 1_000 }, (_, id) => entity(id));
    expect(circleInWords(long)).to.equal(
      'note/0 -> note/1 -> note/2 -> note/3 -> note/4 -> note/5 -> … (992 more) -> note/998 -> note/999',
    );
  });
});
