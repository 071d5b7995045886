import type { Revocation } from '../../../domain/ports.ts'
import type { M2MTokenRecord, TokenPredicate } from '../../../domain/records.ts'
import type { SqlValue } from '../driver.ts'
import type { Statements } from '../statements.ts'
import { exists, type Handlers, revoke } from './handlers.ts'
import { bumpPolicy, stillRight } from './policy.ts'

/** Machine tokens, their status lists, and their revocation. */
export function m2mTokenHandlers(
  db: Statements,
): Handlers<
  | 'create-m2m-token'
  | 'check-policy'
  | 'revoke-m2m-token'
  | 'revoke-m2m-tokens'
  | 'open-status-list'
> {
  return {
    'create-m2m-token': ({ token, policyVersion }) =>
      insertM2MToken(db, token, policyVersion) ? 'done' : 'stale',

    'check-policy': ({ machineId, policyVersion, kid }) =>
      db.get(CHECK, machineId, policyVersion, kid) === undefined ? 'stale' : 'done',

    'revoke-m2m-token'({ id, at, reason }) {
      if (!exists(db, 'm2m_tokens', id)) return 'missing'
      revoke(db, 'm2m_tokens', id, at, reason)
      db.run(
        `UPDATE status_lists SET version = version + 1
        WHERE id = (SELECT status_list_id FROM m2m_tokens WHERE id = ?)`,
        id,
      )
      return 'done'
    },

    'revoke-m2m-tokens'({ revocation }) {
      revokeTokens(db, revocation)
      return 'done'
    },

    'open-status-list'({ list }) {
      db.run(
        'INSERT INTO status_lists VALUES (?, ?, ?, ?, ?, ?)',
        list.id,
        list.algorithm,
        list.size,
        list.openedAt,
        list.endsAt,
        list.version,
      )
      return 'done'
    },
  }
}

const NOTHING = new Uint8Array(0)

const CHECK = `SELECT 1 WHERE ${stillRight('?1', '?2', '?3')}`

/** One statement, since it is what most commits are made of: the row, if it may still be made. */
const INSERT_IF_STILL_RIGHT = `INSERT INTO m2m_tokens
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
  WHERE ${stillRight('?2', '?18', '?15')}`

function insertM2MToken(db: Statements, token: M2MTokenRecord, policyVersion: number): boolean {
  const isJwt = token.format === 'jwt'
  const inserted = db.run(
    INSERT_IF_STILL_RIGHT,
    token.id,
    token.machineId,
    token.scopes.join(' '),
    token.claims,
    token.expiresAt,
    isJwt ? NOTHING : token.mac,
    isJwt ? null : token.sealed,
    isJwt ? '' : token.likeness,
    token.createdAt,
    token.updatedAt,
    token.revokedAt,
    token.revocationReason,
    token.lastUsedAt,
    token.secretVersion,
    isJwt ? token.kid : null,
    isJwt ? token.statusListId : null,
    isJwt ? token.statusIndex : null,
    policyVersion,
  )
  return inserted === 1
}

/** What a predicate says of a row, for tokens that are neither revoked nor expired. */
export function liveTokens(
  predicate: TokenPredicate,
  now: number,
): { readonly condition: string; readonly values: readonly SqlValue[] } {
  const { machineId, secretVersion, issuedBefore, kid, receiverId } = predicate
  const narrowings: readonly (readonly [string, SqlValue | undefined])[] = [
    ['machine_id = ?', machineId],
    ['secret_version = ?', secretVersion],
    ['created_at < ?', issuedBefore],
    ['kid = ?', kid],
    [`instr(' ' || scopes || ' ', ' ' || ? || ' ') > 0`, receiverId],
  ]
  const given = narrowings.filter((one): one is [string, SqlValue] => one[1] !== undefined)
  return {
    condition: ['revoked_at IS NULL', 'expires_at > ?', ...given.map(([text]) => text)].join(
      ' AND ',
    ),
    values: [now, ...given.map(([, value]) => value)],
  }
}

export function revokeTokens(db: Statements, { id, at, predicate, reason }: Revocation): void {
  const live = liveTokens(predicate, at)
  const count = db.run(
    `UPDATE m2m_tokens SET revoked_at = ?, updated_at = ?, revocation_reason = ?
    WHERE ${live.condition}`,
    at,
    at,
    reason,
    ...live.values,
  )
  db.run('UPDATE status_lists SET version = version + 1')
  // A token that is being made meanwhile was decided on before this: it is decided on anew.
  if (predicate.machineId === undefined)
    db.run('UPDATE machines SET policy_version = policy_version + 1')
  else bumpPolicy(db, predicate.machineId)
  db.run(
    'INSERT INTO revocations VALUES (?, ?, ?, ?, ?)',
    id,
    at,
    JSON.stringify(predicate),
    reason,
    count,
  )
}
