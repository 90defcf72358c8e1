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
const publish: Move = { step: 'publish', back: false };
const activate: Move = { step: 'activate', back: false };

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
    for (const before of ['removed', 'published'] as const)
      expect(() => changesOf([before, 'active'], withdraw)).toThrow(/^there is nothing prepared$/);
    expect(changesOf(['removed', 'active'], withdraw, { issuer: 'issuing-1' })).toBe('issuing-1 already');
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

describe('a step that was taken before', () => {
  it.each<[string, readonly Place[], Move, string, RolloverTarget?]>([
    ['publish', ['active', 'published'], publish, 'issuing-2'],
    ['publish, of one that is active by now', ['published', 'active'], publish, 'issuing-2', { issuer: 'issuing-2' }],
    ['publish --back', ['active', 'prepared'], { step: 'publish', back: true }, 'issuing-2'],
    ['activate', ['published', 'active'], activate, 'issuing-2'],
    ['activate, and the one before was retired since', ['retired', 'active'], activate, 'issuing-2'],
    ['activate --back', ['active', 'published'], { step: 'activate', back: true }, 'issuing-1'],
    ['retire', ['retired', 'active'], retire, 'issuing-1'],
    ['retire, and it was removed since', ['removed', 'active'], retire, 'issuing-1'],
    ['retire, while an older one is prepared', ['removed', 'prepared', 'active'], retire, 'issuing-1'],
    ['remove, of two the later one', ['removed', 'removed', 'active'], remove, 'issuing-2'],
    ['retire --back', ['published', 'active'], { step: 'retire', back: true }, 'issuing-1'],
  ])('changes nothing: %s', (...[, places, move, subject, target]) => {
    expect(changesOf(places, move, target)).toBe(`${subject} already`);
  });

  it.each<[string, readonly Place[], Move, RegExp, RolloverTarget?]>([
    ['publish, of the CA before', ['published', 'active'], publish, /^there is nothing prepared/],
    ['publish, of one that was dropped', ['active', 'removed'], publish, /^there is nothing prepared/],
    ['activate --back', ['active', 'prepared'], { step: 'activate', back: true }, /^there is nothing published to go/],
    ['retire --back', ['active', 'published'], { step: 'retire', back: true }, /^there is nothing retired$/],
    ['remove', ['active', 'published'], remove, /^issuing-2 is published: there is noth/, { issuer: 'issuing-2' }],
    ['activate', ['active', 'prepared'], activate, /^issuing-2 is prepared only: publish it first$/],
    ['activate', ['removed', 'active'], activate, /^there is nothing published: prepare and publish first$/],
    ['activate, of the CA before', ['retired', 'active'], activate, /^there is nothing pub/, { issuer: 'issuing-1' }],
    ['activate --back', ['retired', 'active'], { step: 'activate', back: true }, /^there is nothing published to go/],
    ['retire, of the active CA', ['published', 'active'], retire, /^issuing-2 is the active/, { issuer: 'issuing-2' }],
  ])('is not taken for another: %s', (...[, places, move, why, target]) => {
    expect(() => changesOf(places, move, target)).toThrow(why);
  });
});

describe('a root', () => {
  const below = (root: string, ...states: readonly Place[]) => [
    { ...rowsOf()[0]!, id: root, parent: root, ...standing(states[0]!) },
    ...rowsOf(...states.slice(1))
      .slice(1)
      .map((row) => ({ ...row, id: `${row.id} of ${root}`, parent: root })),
  ];
  const planned = (rows: ReturnType<typeof below>, move: Move, target: RolloverTarget = { root: true }) => {
    const { changes, emptied } = planStep(rows, move, target);
    return { changes: changes.map(({ id, to }) => `${id} ${to}`), emptied };
  };

  it('becomes active with the last issuing CA below it, and not without', () => {
    const old = below('root', 'active', 'active');
    expect(
      planned([...old, ...below('root-2', 'published', 'published', 'published', 'prepared')], activate).changes,
    ).toEqual(['root published', 'root-2 active', 'issuing-1 of root published', 'issuing-2 of root-2 active']);
    expect(() => planned([...old, ...below('root-2', 'published', 'prepared')], activate)).toThrow(
      /^there is no published issuing CA below root-2$/,
    );
  });

  it('is removed once those below it are retired, and when nobody depends on any of them', () => {
    const next = below('root-2', 'active', 'active');
    expect(() => planned([...below('root', 'retired', 'removed', 'published'), ...next], remove)).toThrow(
      /^issuing-2 of root, below root, is published: retire it first$/,
    );
    expect(planned([...below('root', 'retired', 'removed', 'retired'), ...next], remove)).toEqual({
      changes: ['root removed', 'issuing-2 of root removed'],
      emptied: ['root', 'issuing-1 of root', 'issuing-2 of root'],
    });
    expect(planned([...below('root', 'removed', 'removed'), ...next], remove)).toEqual({ changes: [], emptied: [] });
    expect(planned([...below('root', 'removed', 'published'), ...next], remove)).toEqual({ changes: [], emptied: [] });
  });

  it('takes those below it along that stand where it stands, a revoked one as well', () => {
    const rows = below('root', 'published', 'retired', 'published', 'active');
    const revoked = rows.map((row) => ({ ...row, revoked: row.role === 'issuing' }));
    expect(planned([...revoked, ...below('root-2', 'active')], retire).changes).toEqual([
      'root retired',
      'issuing-2 of root retired',
    ]);
  });
});

describe('a CA that is named', () => {
  it('is brought back though it was dropped, for whoever looks at it to say that it is revoked', () => {
    expect(changesOf(['dropped', 'active'], bringBack, { issuer: 'issuing-1' })).toBe('issuing-1 retired');
  });

  it('is activated, though another one was made after it', () => {
    expect(changesOf(['published', 'active'], activate, { issuer: 'issuing-1' })).toBe(
      'issuing-2 published,issuing-1 active',
    );
  });

  it('goes no further than the root above it', () => {
    const [root, issuing] = rowsOf('active');
    const above = { ...root!, id: 'root-2', parent: 'root-2' };
    const below = { ...issuing!, id: 'issuing-2', parent: 'root-2' };
    const plan = (state: IssuerState, move: Move, aboveState = state) =>
      planStep([root!, issuing!, { ...above, state: aboveState }, { ...below, state }], move, { issuer: 'issuing-2' });
    expect(() => plan('prepared', publish)).toThrow(
      /^root-2, which signed issuing-2, is not published: publish both with --root$/,
    );
    expect(plan('prepared', publish, 'published').changes).toHaveLength(1);
    expect(plan('published', publish, 'prepared').changes).toEqual([]);
    expect(() => plan('published', activate)).toThrow(
      /^issuing-2 is below root-2, which is not the active root: activate both with --root$/,
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
