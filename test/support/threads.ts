import { Worker } from 'node:worker_threads';

/** How many threads began while `work` ran. */
export async function threadsStartedBy(work: () => Promise<void>): Promise<number> {
  const before = await nextThread();
  await work();
  return (await nextThread()) - before - 1;
}

/** Threads are numbered in the order in which they begin. */
async function nextThread(): Promise<number> {
  const thread = new Worker('', { eval: true, execArgv: [] });
  const { threadId } = thread;
  await thread.terminate();
  return threadId;
}
