import { SDK_ERRORS } from 'countersign/token'
import { expect, test } from 'vitest'
import { FAILURES } from '../../packages/authority/src/cli/shell/failure.ts'
import { ERRORS, type ErrorCode } from '../../packages/authority/src/domain/errors.ts'
import { STATUSES } from '../../packages/authority/src/http/problem.ts'

test('docs/errors.md is what the tables of codes say (npm run docs renews it)', async () => {
  await expect(renderErrors()).toMatchFileSnapshot('../../docs/errors.md')
})

function renderErrors(): string {
  const authority = (Object.keys(ERRORS) as ErrorCode[]).map((code) =>
    section(code, ERRORS[code], `HTTP ${STATUSES[code]}`),
  )
  const sdk = Object.entries(SDK_ERRORS).map(([code, entry]) => section(code, entry))
  const commandLine = Object.entries(FAILURES).map(([code, { message, remedy, exitCode }]) =>
    section(code, { message, advice: remedy }, `exit code ${exitCode}`),
  )
  return [
    '<!-- Rendered from the tables of codes in the source: run `npm run docs`. -->',
    '# Errors',
    'Codes are stable: branch on them, never on messages. A message says what was wrong and never contains a secret, a token or a claim; a refused caller is not told why a token is not valid, the operator is.',
    '## From the authority',
    'In `errors[].code` of the answer, in Clerk’s shape: `{ errors: [{ message, long_message, code, meta }], meta, clerk_trace_id }`. `long_message` is particular to the request, `meta.param_name` names a parameter, `clerk_trace_id` (also the header `x-request-id`) finds the refusal in the log. The SDK throws `request-refused` with these in `errors`.',
    ...authority,
    '## From the SDK',
    'In `code` of the `CountersignError` that was thrown. `expected` and `got` are for the operator.',
    ...sdk,
    '## From the command line',
    'Below the error, or in `error.code` with `--json`. What the authority or the SDK refused keeps the code it has above.',
    ...commandLine,
    '',
  ].join('\n\n')
}

function section(
  code: string,
  { message, advice }: { readonly message: string; readonly advice: string },
  status?: string,
): string {
  return [`### ${code}`, `${status === undefined ? '' : `${status} · `}${message}`, advice].join(
    '\n\n',
  )
}
