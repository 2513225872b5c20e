import "./_ui/theme.css";
import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { ThemeBoot } from "./_ui/theme-boot";
import { themeScript } from "./_ui/theme-script";

export const metadata: Metadata = {
  title: { default: "Slipway", template: "%s · Slipway" },
  description: "Continuous integration for teams that run their own build machines",
  icons: { icon: "/icon.svg" },
};

/** Every page is somebody's: nothing is rendered when the product is built. */
export const dynamic = "force-dynamic";

export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#faf9f6" },
    { media: "(prefers-color-scheme: dark)", color: "#14171a" },
  ],
};

export default function RootLayout(props: { readonly children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own constant, before paint */}
        <script dangerouslySetInnerHTML={{ __html: themeScript }} />
      </head>
      <body>
        <ThemeBoot />
        {props.children}
      </body>
    </html>
  );
}
