/** A text as one word of a command in a POSIX shell: as it is where it means nothing to the shell, else within single quotes (POSIX.1-2024 XCU §2.2). */
export const shellWord = (text: string): string =>
  /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
