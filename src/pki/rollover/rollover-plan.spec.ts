import { describe, expect, it } from '@jest/globals';
import type { IssuerState } from '../../store/index.js';
import { planStep, type RolloverTarget } from './rollover-plan.js';

type Move = Parameters<typeof planStep>[1];

type Place = IssuerState | 'dropped';
const standing = (place: Place) =>
  place === 'dropped' ? ({ state: 'removed', revoked: true } as const) : { state: place, revoked: false };

/** A root, and issuing CAs in the order in which they were made. `dropped`: before it signed anything. */
const rowsOf = (...places: readonly Place[]) => [
  { id: 'root', role: 'root', parent: 'root', ...standing('active') } as const,
  ...places.map(
    (place, i) => ({ id: `issuing-${i + 1}`, role: 'issuing', parent: 'root', ...standing(place) }) as const,
  ),
];

/** What a step changes: `already` when nothing. */
function changesOf(places: readonly Place[], move: Move, target: RolloverTarget = {}): string {
  const { subject, changes } = planStep(rowsOf(...places), move, target);
  return changes.map(({ id, to }) => `${id} ${to}`).join() || `${subject} already`;
}

const retire: Move = { step: 'retire', back: false };
const remove: Move = { step: 'remove', back: false };
const bringBack: Move = { step: 'remove', back: true };
const withdraw: Move = { step: 'withdraw', back: false };

describe('a CA that was dropped before it signed', () => {
  it.each([
    ['retire', retire],
    ['remove', remove],
    ['remove --back', bringBack],
  ])('is not what %s is about', (_, move) => {
    expect(() => changesOf(['active', 'removed'], move)).toThrow(/there is nothing|issuing-1 is active/);
  });

  it('is not brought back in place of the one that was removed', () => {
    expect(changesOf(['removed', 'active', 'removed'], bringBack)).toBe('issuing-1 retired');
    expect(changesOf(['retired', 'active', 'removed'], remove)).toBe('issuing-1 removed');
    expect(changesOf(['retired', 'active', 'removed'], bringBack)).toBe('issuing-1 already');
  });

  it('was dropped already, which one that was removed in its time was not', () => {
    expect(changesOf(['active', 'removed'], withdraw)).toBe('issuing-2 already');
    expect(() => changesOf(['removed', 'active'], withdraw)).toThrow('there is nothing prepared');
  });

  it('is meant where it is named', () => {
    const target = { issuer: 'issuing-2' };
    expect(changesOf(['active', 'removed'], remove, target)).toBe('issuing-2 already');
    expect(changesOf(['active', 'removed'], bringBack, target)).toBe('issuing-2 retired');
  });

  it('is not brought back once another one signed after it, either', () => {
    expect(changesOf(['removed', 'dropped', 'active'], bringBack)).toBe('issuing-1 retired');
    expect(changesOf(['retired', 'dropped', 'active'], bringBack)).toBe('issuing-1 already');
    expect(() => changesOf(['dropped', 'active'], bringBack)).toThrow('there is nothing removed');
  });

  it('is not what is dropped while the next one is published', () => {
    expect(() => changesOf(['active', 'dropped', 'published'], withdraw)).toThrow('issuing-3 is published');
  });

  it('does not make a step look done that comes too early', () => {
    expect(() => changesOf(['published', 'dropped', 'active'], remove)).toThrow('issuing-1 is published');
  });

  it('stays where a root comes back with what is below it', () => {
    const [root, ...below] = rowsOf('removed', 'dropped', 'removed').map((row) => ({
      ...row,
      state: 'removed' as const,
    }));
    const root2 = { ...root!, id: 'root-2', parent: 'root-2', state: 'active' as const };
    const dropped = { ...below[1]!, id: 'issuing-5', parent: 'root-3' };
    const rows = [root!, ...below, { ...root!, id: 'root-3', parent: 'root-3' }, dropped, root2];
    expect(planStep(rows, bringBack, { root: true }).changes.map(({ id }) => id)).toEqual([
      'root',
      'issuing-1',
      'issuing-3',
    ]);
  });
});

describe('a step for which several CAs fit', () => {
  it.each([
    ['retire', retire, ['published', 'published', 'active'], 'retired'],
    ['retire --back', { step: 'retire', back: true }, ['retired', 'retired', 'active'], 'published'],
    ['remove', remove, ['retired', 'retired', 'active'], 'removed'],
    ['remove --back', bringBack, ['removed', 'removed', 'active'], 'retired'],
    ['prepare --back', withdraw, ['active', 'prepared', 'prepared'], 'removed'],
    ['publish', { step: 'publish', back: false }, ['active', 'prepared', 'prepared'], 'published'],
    ['publish --back', { step: 'publish', back: true }, ['active', 'published', 'published'], 'prepared'],
    ['activate', { step: 'activate', back: false }, ['active', 'published', 'published'], 'active'],
    ['activate --back', { step: 'activate', back: true }, ['published', 'published', 'active'], 'active'],
  ] as const)('is taken for the one that is named: %s', (_, move: Move, places, to) => {
    const [one, other] = ['issuing-1', 'issuing-2', 'issuing-3'].filter((_, i) => places[i] !== 'active');
    expect(() => changesOf(places, move)).toThrow(`${one} and ${other} fit: name the one that is meant with --issuer`);
    expect(changesOf(places, move, { issuer: other! })).toContain(`${other} ${to}`);
  });
});

describe('a step without --root', () => {
  it('is about the issuing CAs below the active root, and leaves the rollover of the root alone', () => {
    const [root, issuing] = rowsOf('active');
    const next = { ...root!, id: 'root-2', parent: 'root-2', state: 'prepared' } as const;
    const below = { ...issuing!, id: 'issuing-2', parent: 'root-2', state: 'prepared' } as const;
    expect(() => planStep([root!, issuing!, next, below], withdraw, {})).toThrow('there is nothing prepared');
    const published = [next, below].map((row) => ({ ...row, state: 'published' as const }));
    expect(() => planStep([root!, issuing!, ...published], { step: 'publish', back: true }, {})).toThrow(
      'there is nothing published',
    );
  });
});

describe('a step that comes too early', () => {
  it('publishes no root whose preparation was cut short: its issuing CA is made last', () => {
    const next = { ...rowsOf()[0]!, id: 'root-2', parent: 'root-2', state: 'prepared' } as const;
    const below = { ...next, id: 'issuing-2', role: 'issuing', parent: 'root-2' } as const;
    const publish = (...rows: readonly (typeof next | typeof below)[]) =>
      planStep([...rowsOf('active'), ...rows], { step: 'publish', back: false }, { root: true });
    expect(() => publish(next)).toThrow('there is no issuing CA below root-2: prepare it again');
    expect(publish(next, below).changes.map(({ id }) => id)).toEqual(['root-2', 'issuing-2']);
  });

  it('says once which state a CA is in', () => {
    expect(() => changesOf(['active'], remove, { issuer: 'issuing-1' })).toThrow(
      /^issuing-1 is active: activate another CA, and retire this one, first$/,
    );
    expect(() => changesOf(['active', 'published'], withdraw, { issuer: 'issuing-2' })).toThrow(
      /^issuing-2 is published: take that back first$/,
    );
  });
});

describe('a rollover after another', () => {
  it.each([
    ['retire', retire],
    ['remove', remove],
  ])('is not what %s was taken for before', (_, move) => {
    for (const next of ['prepared', 'published'] as const)
      expect(() => changesOf(['removed', 'active', next], move)).toThrow(/there is nothing|issuing-2 is active/);
    expect(changesOf(['removed', 'active'], move)).toBe('issuing-1 already');
  });
});
