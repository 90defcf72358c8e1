/** What a service like this one asks of the frameworks below it, in the order in which `bench/servers/layers.ts` adds them; each does nothing of its own. */
export const LAYERS = ['HTTP/2 listener', 'onRequest hook', 'guard', 'request parameter'] as const;
export type Layer = (typeof LAYERS)[number];
