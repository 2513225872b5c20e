import type { ReactNode } from "react";
import { Logo } from "../_ui/logo";
import "./auth.css";

/** Around sign-in, sign-out and one-time links. */
export default function AuthLayout(props: { readonly children: ReactNode }) {
  return (
    <div className="auth-ground">
      <header className="auth-brand">
        <Logo size={34} />
        <span>Slipway</span>
      </header>
      {props.children}
      <footer className="auth-foot">Continuous integration on your own machines</footer>
    </div>
  );
}
