/** The options of a MailNotifier, as far as mails about missing workers need them. */
import { z } from "zod";
import { addressProblem, senderProblem } from "../../domain/mail";
import { secretsIn } from "../../domain/properties";

const line = (longest: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(longest)
    .refine((value) => !/[\p{C}\s]/u.test(value), "must not have spaces or control characters");

export const mailAddress = z.string().superRefine((value, context) => {
  const problem = addressProblem(value);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

const sender = z.string().superRefine((value, context) => {
  const problem = senderProblem(value);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

export const mailNotifierSchema = z.strictObject({
  type: z.literal("MailNotifier"),
  name: line(100).optional(),
  fromaddr: sender.meta({ description: "Whom the mails come from." }),
  relayhost: line(253)
    .refine((value) => /^[\p{L}\p{N}.:[\]-]+$/u.test(value), "is not the name of a host")
    .optional()
    .meta({ description: "The mail server that takes them; left out: localhost." }),
  smtpPort: z.int().min(1).max(65_535).optional(),
  useTls: z.boolean().optional().meta({ description: "Insist on STARTTLS." }),
  useSmtps: z.boolean().optional().meta({ description: "TLS from the first byte." }),
  smtpUser: z
    .string()
    .max(500)
    .refine((value) => !/\p{C}/u.test(value), "must not have control characters")
    .optional(),
  smtpPassword: z
    .union([
      z
        .string()
        .min(1, "must not be empty")
        .max(500)
        .refine((value) => !value.includes("%(") || isOneSecret(value), {
          message: "is written out, or is one secret and nothing else: %(secret:NAME)s",
        }),
      z.strictObject({ type: z.literal("Secret"), name: z.string() }),
    ])
    .optional()
    .meta({ secret: true }),
  workers: z
    .union([z.literal("all"), z.array(z.string()).max(10_000)], {
      error: 'must be "all" or a list of names of workers',
    })
    .optional()
    .meta({ description: "Whose losses are told; left out: all." }),
  builders: z
    .array(z.string(), { error: "must be []: mails about builds are not supported yet" })
    .max(0, "must be []: mails about builds are not supported yet")
    .meta({ description: "Empty: no mails about builds." }),
});

export type MailNotifierOptions = z.output<typeof mailNotifierSchema>;

function isOneSecret(value: string): boolean {
  const [name] = secretsIn(value);
  return name !== undefined && value === `%(secret:${name})s`;
}
