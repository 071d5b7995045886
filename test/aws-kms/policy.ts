/** As much of an IAM policy as the README uses. */
export interface Policy {
  readonly Statement: readonly Statement[]
}

interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: {
    readonly StringEquals?: Readonly<Record<string, string | readonly string[]>>
  }
}

/** A request as IAM sees it: `context` are the condition keys that it has. */
export interface PolicyRequest {
  readonly action: string
  readonly resource: string
  readonly context: Readonly<Record<string, string>>
}

/** Whether a policy allows a request. What it does not speak of is denied. */
export function allows({ Statement }: Policy, request: PolicyRequest): boolean {
  return Statement.some(
    ({ Effect, Action, Resource, Condition }) =>
      Effect === 'Allow' &&
      [Action].flat().includes(request.action) &&
      [Resource].flat().some((pattern) => fits(pattern, request.resource)) &&
      Object.entries(Condition?.StringEquals ?? {}).every(([key, values]) =>
        [values].flat().includes(request.context[key] ?? ''),
      ),
  )
}

function fits(pattern: string, resource: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.?+^$()[\]{}|\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`).test(resource)
}
