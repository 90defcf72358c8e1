import { describe, expect, it } from '@jest/globals';
import { EventBus } from './event-bus.js';

describe('EventBus', () => {
  it('calls each listener with the payload until it is taken off', () => {
    const bus = new EventBus();
    const seen: number[] = [];
    const off = bus.on('revocations.changed', ({ epoch }) => seen.push(epoch));
    bus.on('revocations.changed', ({ epoch }) => seen.push(epoch * 10));
    bus.emit('revocations.changed', { epoch: 1 });
    off();
    bus.emit('revocations.changed', { epoch: 2 });
    expect(seen).toEqual([1, 10, 20]);
  });

  it('keeps the error of a listener from the others and from the emitter', () => {
    const errors: unknown[] = [];
    const bus = new EventBus((error, name) => errors.push([error, name]));
    const seen: number[] = [];
    bus.on('revocations.changed', () => {
      throw new Error('broken');
    });
    bus.on('revocations.changed', ({ epoch }) => seen.push(epoch));
    bus.emit('revocations.changed', { epoch: 1 });
    expect(seen).toEqual([1]);
    expect(errors).toEqual([[new Error('broken'), 'revocations.changed']]);
  });

  it('warns about a broken listener when nobody wants its errors', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const bus = new EventBus();
    bus.on('revocations.changed', () => {
      throw new Error('broken');
    });
    bus.emit('revocations.changed', { epoch: 1 });
    expect((await warned).message).toBe('a listener of revocations.changed failed: broken');
  });
});
