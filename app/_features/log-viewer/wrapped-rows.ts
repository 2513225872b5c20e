/**
 * How many rows each line takes when long lines are wrapped: one until it has been measured on the
 * screen. A Fenwick tree finds the row of a line and the line at a row in logarithmic time.
 */
export class WrappedRows {
  #tree: Int32Array;
  #extra: Int32Array;
  #size: number;
  #total = 0;

  constructor(lineCount: number) {
    this.#size = capacityFor(lineCount);
    this.#tree = new Int32Array(this.#size + 1);
    this.#extra = new Int32Array(this.#size);
  }

  /** Rows beyond one a line. */
  get extraRows(): number {
    return this.#total;
  }

  rowsOf(line: number): number {
    return 1 + (this.#extra[line] ?? 0);
  }

  /** @returns by how many rows the line has grown */
  set(line: number, rows: number): number {
    if (line >= this.#size) this.#grow(line + 1);
    const change = rows - this.rowsOf(line);
    if (change === 0) return 0;
    this.#extra[line] = rows - 1;
    this.#total += change;
    for (let at = line + 1; at <= this.#size; at += at & -at) {
      this.#tree[at] = (this.#tree[at] as number) + change;
    }
    return change;
  }

  /** The first row of a line. */
  rowOf(line: number): number {
    let extra = 0;
    for (let at = Math.min(line, this.#size); at > 0; at -= at & -at) {
      extra += this.#tree[at] as number;
    }
    return line + extra;
  }

  /** The line that is at a row. */
  lineAt(row: number): number {
    let line = 0;
    let left = row;
    for (let step = this.#size; step > 0; step >>= 1) {
      const next = line + step;
      if (next > this.#size) continue;
      const rows = step + (this.#tree[next] as number);
      if (rows <= left) {
        line = next;
        left -= rows;
      }
    }
    // Past the measured part every line is one row.
    return line === this.#size ? line + left : line;
  }

  #grow(lineCount: number): void {
    const extra = this.#extra;
    this.#size = capacityFor(lineCount);
    this.#extra = new Int32Array(this.#size);
    this.#extra.set(extra);
    this.#tree = new Int32Array(this.#size + 1);
    for (let at = 1; at <= this.#size; at += 1) {
      this.#tree[at] = (this.#tree[at] as number) + (this.#extra[at - 1] as number);
      const above = at + (at & -at);
      if (above <= this.#size) {
        this.#tree[above] = (this.#tree[above] as number) + (this.#tree[at] as number);
      }
    }
  }
}

/** A power of two, so that the search above begins with the whole. */
function capacityFor(lineCount: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1024, lineCount)));
}
