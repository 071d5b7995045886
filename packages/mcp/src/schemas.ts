import * as z from 'zod'

/** The forms of what tools take and give. A description is what a model goes by. */

export const machineId: z.ZodString = z
  .string()
  .regex(/^mch_\w{27}$/, 'must be a machine id: mch_ and 27 characters')
  .describe('The id of a machine (mch_…), as list_machines tells it')

/** A text that goes into the audit log, where people read it. */
export const reason: z.ZodString = z
  .string()
  .min(3)
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, 'must be one line')
  // The log is read by many, and kept: what was pasted there by mistake is out.
  .regex(
    /^(?!.*(?:\b(?:mt|ak|sk|whsec)_\w{20}|\beyJ[\w-]{8,}\.)).*$/s,
    'must not contain a token or a key',
  )

export const token: z.ZodString = z
  .string()
  .min(1)
  .max(16_384)
  .describe('A token: mt_… or a JWT (eyJ…). Never a secret key (ak_…, sk_…)')

export const time: z.ZodNullable<z.ZodString> = z.string().nullable().describe('ISO 8601')

export const offset: z.ZodDefault<z.ZodNumber> = z.number().int().min(0).max(1_000_000).default(0)

/** How many entries a page may have. */
export function limit(max: number): z.ZodDefault<z.ZodNumber> {
  return z.number().int().min(1).max(max).default(Math.min(20, max))
}
