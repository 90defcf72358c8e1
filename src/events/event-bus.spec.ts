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
    const bus = new EventBus();
    const seen: number[] = [];
    bus.on('revocations.changed', () => {
      throw new Error('broken');
    });
    bus.on('revocations.changed', ({ epoch }) => seen.push(epoch));
    bus.emit('revocations.changed', { epoch: 1 });
    expect(seen).toEqual([1]);
  });

  it('tells of a broken listener by an event, and of a listener to that which is broken not at all', () => {
    const bus = new EventBus();
    const failed: unknown[] = [];
    const broken = (): never => {
      throw new Error('broken');
    };
    bus.on('revocations.changed', broken);
    bus.on('background.failed', ({ task, error }) => failed.push([task, error]));
    bus.on('background.failed', broken);
    bus.emit('revocations.changed', { epoch: 1 });
    expect(failed).toEqual([['listener of revocations.changed', new Error('broken')]]);
  });
});
