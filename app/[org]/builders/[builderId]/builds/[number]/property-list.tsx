"use client";

import { useState } from "react";
import { CopyButton } from "@/app/_ui/copy";
import type { JsonValue, Properties } from "@/server/domain/properties";

/** Every property with where it came from; several may be found by part of name or value. */
export function PropertyList(props: { properties: Properties }) {
  const [text, setText] = useState("");
  const all = Object.entries(props.properties).sort(([a], [b]) => (a < b ? -1 : 1));
  const wanted = text.trim().toLowerCase();
  const shown = all.filter(([name, [value]]) =>
    `${name} ${written(value)}`.toLowerCase().includes(wanted),
  );
  return (
    <div className="p-4">
      <input
        type="search"
        aria-label="Search properties"
        placeholder={`Search ${all.length} properties`}
        className="field mb-2"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <dl>
        {shown.map(([name, [value, source]]) => (
          <div key={name} className="group border-b border-line py-2">
            <dt className="flex items-baseline gap-2">
              <span className="num font-semibold">{name}</span>
              <span className="ml-auto text-xs text-muted">{source}</span>
            </dt>
            <dd className="flex items-start gap-1">
              <span className="num min-w-0 flex-1 break-words whitespace-pre-wrap">
                {written(value) || <span className="text-faint">empty</span>}
              </span>
              <CopyButton
                text={written(value)}
                label={`Copy ${name}`}
                className="-my-1 opacity-0 group-hover:opacity-100 focus-visible:opacity-100"
              />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

const written = (value: JsonValue): string =>
  typeof value === "string" ? value : JSON.stringify(value, null, 1);
