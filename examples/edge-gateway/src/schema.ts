/**
 * The exact form of the tokens that this gateway lets through. The verifier is strict already; this is
 * stricter: a member that nobody here has heard of is refused, in the header and in the payload.
 */

type Rule = (value: unknown) => boolean
type Rules = Readonly<Record<string, { readonly rule: Rule; readonly optional?: true }>>

const like =
  (pattern: RegExp): Rule =>
  (value) =>
    typeof value === 'string' && pattern.test(value)

const MACHINE = /^mch_[0-9A-Za-z]{27}$/
const MAX_RECEIVERS = 64

const machine = like(MACHINE)
const seconds: Rule = (value) => Number.isSafeInteger(value) && Number(value) > 0
const place: Rule = (value) => Number.isSafeInteger(value) && Number(value) >= 0
const machines: Rule = (value) =>
  Array.isArray(value) && value.length <= MAX_RECEIVERS && value.every(machine)
const status: Rule = (value) =>
  fits(value, { status_list: { rule: (list) => fits(list, STATUS_LIST) } })

const STATUS_LIST: Rules = {
  idx: { rule: place },
  uri: { rule: like(/^https?:\/\/\S{1,2000}$/) },
}

const HEADER: Rules = {
  alg: { rule: like(/^(RS256|ES256|EdDSA)$/) },
  typ: { rule: like(/^JWT$/) },
  kid: { rule: like(/^[\w-]{1,64}$/) },
  // Clerk's class tag of a machine token: a session's is another.
  cat: { rule: like(/^cl_B7d4PD333AAA$/) },
}

const PAYLOAD: Rules = {
  iss: { rule: like(/^https?:\/\/\S{1,2000}$/) },
  sub: { rule: machine },
  aud: { rule: machines },
  exp: { rule: seconds },
  nbf: { rule: seconds },
  iat: { rule: seconds },
  jti: { rule: like(/^mt_[0-9a-f]{32}$/) },
  scopes: { rule: like(/^mch_[\w ]{1,2100}$/), optional: true },
  status: { rule: status, optional: true },
}

/**
 * Makes the check of a token's form. It looks at what anybody may have written: a token that passes is
 * still to be verified.
 *
 * @param claims The names of a machine's own claims that tokens may have.
 */
export function createSchema(claims: readonly string[]): (token: string) => boolean {
  const own = claims.map((name) => [name, { rule: () => true, optional: true }] as const)
  const payload = { ...Object.fromEntries(own), ...PAYLOAD }
  return (token) => {
    const [header = '', body = ''] = token.split('.', 2)
    return fits(decode(header), HEADER) && fits(decode(body), payload)
  }
}

function fits(value: unknown, rules: Rules): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const members = value as Readonly<Record<string, unknown>>
  return (
    Object.keys(members).every((name) => Object.hasOwn(rules, name)) &&
    Object.entries(rules).every(([name, { rule, optional }]) =>
      Object.hasOwn(members, name) ? rule(members[name]) : optional === true,
    )
  )
}

function decode(part: string): unknown {
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = new Uint8Array(binary.length)
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
