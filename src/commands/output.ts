import { ProgressBar } from './progress-bar.js';

/** Where a command writes: results to `out`, everything else to `err`. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` goes to a terminal. */
  readonly errIsTerminal?: boolean;
  /** Whether `out` goes to a terminal as well, where a bar would stand between its lines. */
  readonly outIsTerminal?: boolean;
  /** Settles when `out` takes more; absent where it always does. */
  readonly drained?: () => Promise<void>;
}

/** A command's answers: on stdout its result, as text or with `--json` as one JSON document; on stderr its progress. */
export class Output {
  constructor(
    private readonly streams: Streams,
    /** Whether `--json` was given. */
    readonly isJson: boolean,
  ) {}

  /** The one result of the command. `text` is what a person reads. */
  result(value: unknown, text: string): void {
    this.streams.out(
      this.isJson ? `${JSON.stringify(value, undefined, 2)}\n` : text.endsWith('\n') ? text : `${text}\n`,
    );
  }

  /** One of many results, written as it comes: with `--json` a line of JSON. */
  line(value: unknown, text: string): void {
    this.streams.out(`${this.isJson ? JSON.stringify(value) : text}\n`);
  }

  /** A piece of a result that is too long to be written at once: as it is, and when the reader is ready for it. */
  async piece(text: string): Promise<void> {
    this.streams.out(text);
    await this.streams.drained?.();
  }

  /** A bar for long work. It draws nothing where nobody sees it. `isBetweenPieces`: the work writes pieces of its result meanwhile. */
  progressBar(what: string, { isBetweenPieces = false } = {}): ProgressBar {
    const { errIsTerminal = false, outIsTerminal = false, err } = this.streams;
    return new ProgressBar(what, errIsTerminal && !(isBetweenPieces && outIsTerminal) ? err : undefined);
  }

  /** What is going on, for a person. */
  progress(text: string): void {
    this.streams.err(`${text}\n`);
  }
}

/** Pairs as lines, with the values in one column. Control and bidirectional characters in values are escaped. */
export function describePairs(pairs: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs.map(([label, value]) => `${label.padEnd(width)}  ${plain(value)}`).join('\n');
}

/** Rows as columns, each as wide as its widest cell. */
export function describeTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(plain));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Escapes control and formatting characters: text from a certificate must not move a terminal's cursor or turn its line around. */
export function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
