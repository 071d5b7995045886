/**
 * Where each sealed value stands (`table/row/column`): it opens nowhere else.
 */

export function instanceKeyPlace(id: string): string {
  return `instance_keys/${id}/secret`
}

export function machineSecretPlace(machineId: string, version: number): string {
  return `machine_secrets/${machineId}/${version}`
}

export function m2mTokenPlace(id: string): string {
  return `m2m_tokens/${id}/token`
}

export function apiKeyPlace(id: string): string {
  return `api_keys/${id}/secret`
}

export function webhookPlace(id: string): string {
  return `webhooks/${id}/secret`
}

export function signingKeyPlace(kid: string): string {
  return `signing_keys/${kid}/private`
}
