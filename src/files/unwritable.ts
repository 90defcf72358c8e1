/** What to do about a file that cannot be written: an imperative, by the code of the failed system call, such as EACCES. */
export const mendOfUnwritable = (code: string): string =>
  code === 'EBUSY'
    ? 'it is mounted by itself, so that nothing can take its place; mount its folder'
    : 'look at its folder, its permissions and the space on the disk';
