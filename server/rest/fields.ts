/** Fields of readable resources: a piece of SQL over the resource's row `t`, and what it gives. */
export type FieldType = "int" | "text" | "bool" | "texts" | "json";

export interface Field {
  readonly sql: string;
  readonly type: FieldType;
}

export const int = (sql: string): Field => ({ sql, type: "int" });
export const text = (sql: string): Field => ({ sql, type: "text" });
export const bool = (sql: string): Field => ({ sql, type: "bool" });
export const texts = (sql: string): Field => ({ sql, type: "texts" });
export const json = (sql: string): Field => ({ sql, type: "json" });
/** Whole seconds since the epoch. */
export const time = (sql: string): Field => int(`floor(extract(epoch from ${sql}))::bigint`);
