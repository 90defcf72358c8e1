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

/** The part of Node that every Worker starts its thread with. */
interface ThreadStart {
  startThread: () => void;
}

/** Does `work` while the system gives no more threads, in the way in which Node says so. */
export async function withoutThreads(work: () => Promise<void>): Promise<void> {
  const worker = new Worker('', { eval: true, execArgv: [] });
  const key = Object.getOwnPropertySymbols(worker).find(({ description }) => description === 'kHandle');
  const start = Object.getPrototypeOf(Reflect.get(worker, key ?? '')) as ThreadStart;
  const { startThread } = start;
  await worker.terminate();
  start.startThread = () => {
    throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  };
  try {
    await work();
  } finally {
    start.startThread = startThread;
  }
}
