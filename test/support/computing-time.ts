/** How long this thread computes in `work`, in milliseconds. Unlike time by the clock, it does not grow while other processes have their turn. */
export function computingTime(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
