import { describe, expect, it } from '@jest/globals';
import type { IssuerState } from '../../store/index.js';
import { planStep, type RolloverTarget } from './rollover-plan.js';

type Move = Parameters<typeof planStep>[1];

/** A root, and issuing CAs in the order in which they were made. */
const rowsOf = (...states: readonly IssuerState[]) => [
  { id: 'root', role: 'root', parent: 'root', state: 'active' } as const,
  ...states.map((state, i) => ({ id: `issuing-${i + 1}`, role: 'issuing', parent: 'root', state }) as const),
];

/** What a step changes: `already` when nothing. */
function changesOf(states: readonly IssuerState[], move: Move, target: RolloverTarget = {}): string {
  const { subject, changes } = planStep(rowsOf(...states), move, target);
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
});
