import type { ButtonHTMLAttributes } from "react";

const LOOKS = {
  primary:
    "bg-accent text-accent-fg border-accent hover:bg-accent-strong hover:border-accent-strong font-medium",
  plain: "bg-raised border-line-strong hover:bg-hover",
  quiet: "border-transparent text-muted hover:bg-hover hover:text-fg",
  danger: "bg-raised border-line-strong text-red hover:bg-red-soft hover:border-red",
} as const;

export type ButtonLook = keyof typeof LOOKS;

export const buttonClass = (look: ButtonLook = "plain", small = false): string =>
  `inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md border ${
    small ? "h-7 px-2 text-xs" : "h-8 px-3"
  } disabled:opacity-50 ${LOOKS[look]}`;

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: ButtonLook;
  small?: boolean;
}

export function Button({ look, small, className = "", type = "button", ...rest }: Props) {
  return <button type={type} className={`${buttonClass(look, small)} ${className}`} {...rest} />;
}
