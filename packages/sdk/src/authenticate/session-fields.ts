import { isJsonObject, type JsonObject } from '../token/json.ts'

/** What a session token says of the user, in the words of `@clerk/backend`. */
export interface SessionFields {
  readonly sessionId: string | null
  readonly sessionStatus: string | null
  readonly userId: string
  /** Who acts in the user's name (RFC 8693 §4.1). */
  readonly actor: JsonObject | null
  readonly orgId: string | null
  readonly orgRole: string | null
  readonly orgSlug: string | null
  readonly orgPermissions: string[] | null
  /** Minutes since the first and the second factor were last verified; -1 for never. */
  readonly factorVerificationAge: readonly [number, number] | null
}

/** Reads Clerk's claims, of both its versions, as absent where they are of an odd type. */
export function sessionFields(claims: JsonObject & { readonly sub: string }): SessionFields {
  const { sub, sid, sts, act, fva } = claims
  return {
    sessionId: text(sid),
    sessionStatus: text(sts),
    userId: sub,
    actor: isJsonObject(act) ? act : null,
    ...(claims['v'] === 2 ? organizationOf(claims) : firstOrganizationOf(claims)),
    factorVerificationAge: isAge(fva) ? fva : null,
  }
}

type Organization = Pick<SessionFields, 'orgId' | 'orgRole' | 'orgSlug' | 'orgPermissions'>

function firstOrganizationOf(claims: JsonObject): Organization {
  const { org_id: id, org_role: role, org_slug: slug, org_permissions: permissions } = claims
  return {
    orgId: text(id),
    orgRole: text(role),
    orgSlug: text(slug),
    orgPermissions: Array.isArray(permissions)
      ? permissions.filter((one) => typeof one === 'string')
      : null,
  }
}

/** Version 2 says it in short, in `o`; its permissions are bits for each feature. */
function organizationOf({ o, fea }: JsonObject): Organization {
  const { id, rol, slg, per, fpm } = isJsonObject(o) ? o : {}
  const role = text(rol)
  return {
    orgId: text(id),
    orgRole: role === null ? null : `org:${role}`,
    orgSlug: text(slg),
    orgPermissions: isJsonObject(o) ? permissionsOf(list(fea), list(per), list(fpm)) : null,
  }
}

/** Whose a feature is: `o` is of the organization, `u` of the user, and `uo` or `ou` of both. */
const ORGANIZATION_SCOPES = ['o', 'ou', 'uo']

function permissionsOf(
  features: readonly string[],
  permissions: readonly string[],
  maps: readonly string[],
): string[] {
  const ofOrganization = features.flatMap((feature) => {
    const scope = ORGANIZATION_SCOPES.find((one) => feature.startsWith(`${one}:`))
    return scope === undefined ? [] : [feature.slice(scope.length + 1)]
  })
  return ofOrganization.flatMap((feature, at) => {
    const map = maps[at] ?? ''
    // One bit for each permission, as a decimal: there may be more of them than a number holds.
    const bits = /^\d{1,100}$/.test(map) ? BigInt(map) : 0n
    return permissions
      .filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n)
      .map((permission) => `org:${feature}:${permission}`)
  })
}

function list(value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? value.split(',').map((one) => one.trim()) : []
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function isAge(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'number')
}
