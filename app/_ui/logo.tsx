/** A hull on its slip. */
export function Logo(props: { size?: number }) {
  return (
    <svg aria-hidden="true" width={props.size ?? 22} height={props.size ?? 22} viewBox="0 0 32 32">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path
        d="M5 25.5 27 17M7.5 13h15.5l-3 6.2L10.5 22.8z"
        fill="none"
        stroke="var(--accent-fg)"
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
