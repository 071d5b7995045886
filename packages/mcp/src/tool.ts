import type { Client } from 'countersign'
import type * as z from 'zod'

/** The names of all tools, whichever are switched on. */
export type ToolName =
  | 'list_machines'
  | 'list_scopes'
  | 'list_tokens'
  | 'verify_token'
  | 'explain_token'
  | 'read_audit_log'
  | 'mint_token'
  | 'revoke_token'

/** The authority, as a tool reaches it. */
export interface Access {
  /** With the key of the instance. */
  readonly owner: Client | null
  /** With the key of a machine. */
  readonly machine: Client | null
  readonly tokens: TokenPolicy
  readonly now: () => number
}

/** What tokens are made for agents. */
export interface TokenPolicy {
  readonly maxSeconds: number
  readonly format: 'opaque' | 'jwt'
}

/** What the audit log is told before a call is made. */
export interface Intent {
  readonly target?: string | undefined
  readonly reason?: string | undefined
}

/** A tool before it is switched on: what it says of itself, and what it does. */
export interface Tool {
  readonly name: ToolName
  readonly title: string
  readonly description: string
  /** Whether it changes something or issues a credential: then it is off unless it is named. */
  readonly isWrite: boolean
  /** The key without which it cannot be offered. */
  readonly needs: 'owner' | 'machine' | 'either'
  readonly input: z.ZodObject
  readonly output: z.ZodObject
  /** Longer texts are cut: a token must not be. */
  readonly maxTextCharacters?: number
  /** @param input What `input` has let pass. */
  intent(input: unknown): Intent
  run(access: Access, input: unknown): Promise<object>
}

/** The same with the types of its input and answer, which the schemas see to. */
export interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> extends Omit<
  Tool,
  'input' | 'output' | 'intent' | 'run'
> {
  readonly input: Input
  readonly output: Output
  readonly intent: (input: z.output<Input>) => Intent
  readonly run: (access: Access, input: z.output<Input>) => Promise<z.input<Output>>
}

export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { intent, run } = definition
  return Object.freeze({
    ...definition,
    intent: (input: unknown) => intent(input as z.output<Input>),
    run: (access: Access, input: unknown) => run(access, input as z.output<Input>),
  })
}

/** For a tool that is offered only where the key is. */
export function present(client: Client | null): Client {
  if (client === null) throw new TypeError('A tool was offered without its key.')
  return client
}

export function isoTime(ms: number | null): string | null {
  const date = new Date(ms ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
