"use client";

import { useChordKey } from "../_client/chord-key";
import { useRegistry, useSingleKeys } from "../_client/commands";
import { type Command, keyCaps } from "../_client/shortcuts";
import { Dialog } from "../_ui/dialog";

/** The keys that work here, from the registry that binds them. */
export function KeySheet(props: { onClose: () => void }) {
  const registry = useRegistry();
  const [isOn, setOn] = useSingleKeys();
  const groups = new Map<string, Command[]>();
  for (const command of registry.all()) {
    if (!command.keys) continue;
    groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  }
  return (
    <Dialog title="Keys of this page" onClose={props.onClose} wide>
      <div className="gap-8 sm:columns-2">
        {[...groups].map(([group, commands]) => (
          <section key={group} className="mb-4 break-inside-avoid">
            <h3 className="label mb-1">{group}</h3>
            <dl>
              {commands.map((command) => (
                <div
                  key={command.id}
                  className="flex items-center gap-3 border-b border-line py-1 last:border-0"
                >
                  <dt className="min-w-0 flex-1">{command.label}</dt>
                  <dd>
                    <Caps keys={command.keys ?? ""} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label className="mt-2 flex items-center gap-2 border-t border-line pt-3">
        <input type="checkbox" checked={isOn} onChange={(event) => setOn(event.target.checked)} />
        Single keys are on
      </label>
    </Dialog>
  );
}

export function Caps(props: { keys: string }) {
  const chord = useChordKey();
  return (
    <span className="flex gap-1">
      {keyCaps(props.keys === "mod k" ? `${chord} K` : props.keys).map((cap) => (
        <kbd
          key={cap}
          className="num min-w-5 rounded-sm border border-line-strong bg-sunken px-1 text-center text-xs"
        >
          {cap}
        </kbd>
      ))}
    </span>
  );
}
