import { describe, expect, test } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import { instanceSecret, machineSecretOf, RECEIVER, SENDER } from '../testing/tokens.ts'
import { type Client, createClient } from './client.ts'

const MACHINE = {
  object: 'machine',
  id: RECEIVER,
  name: 'api',
  instance_id: 'ins_1',
  created_at: 1,
  updated_at: 2,
  scoped_machines: [],
  default_token_ttl: 3600,
}

const SCOPE = {
  object: 'machine_scope',
  from_machine_id: RECEIVER,
  to_machine_id: SENDER,
  created_at: 1,
}
const DELETED_SCOPE = { ...SCOPE, created_at: undefined, deleted: true }

const answered = (body: unknown, status?: number): Client['machines'] => {
  const { fetch } = scriptedFetch(json(body, status))
  const retry = { retries: 0 }
  const apiUrl = 'https://authority.test'
  return createClient({ apiUrl, secretKey: instanceSecret(), fetch, retry }).machines
}

const UNEXPECTED = { code: 'answer-unexpected' }

describe('an answer that does not say that it was done is an error', () => {
  test('a created machine without its secret', async () => {
    await expect(answered(MACHINE).create({ name: 'api' })).rejects.toMatchObject(UNEXPECTED)
  })

  test('a scope that was created and is called deleted', async () => {
    const call = answered(DELETED_SCOPE).createScope(RECEIVER, SENDER)
    await expect(call).rejects.toMatchObject(UNEXPECTED)
    await expect(answered(SCOPE).createScope(RECEIVER, SENDER)).resolves.toMatchObject({
      createdAt: 1,
    })
  })

  test('a scope that was to be deleted and still stands', async () => {
    for (const scope of [SCOPE, { ...SCOPE, deleted: false }, { ...SCOPE, deleted: 'true' }]) {
      const call = answered(scope).deleteScope(RECEIVER, SENDER)
      await expect(call).rejects.toMatchObject(UNEXPECTED)
    }
    await expect(answered(DELETED_SCOPE).deleteScope(RECEIVER, SENDER)).resolves.toMatchObject({
      deleted: true,
    })
  })

  test('a deleted machine that is not', async () => {
    for (const body of [
      MACHINE,
      { object: 'machine', id: RECEIVER, deleted: false },
      { object: 'machine', id: SENDER, deleted: true },
      { object: 'api_key', id: RECEIVER, deleted: true },
    ]) {
      await expect(answered(body).delete(RECEIVER)).rejects.toMatchObject(UNEXPECTED)
    }
  })

  test('the secret of another machine', async () => {
    const body = { object: 'machine_secret_key', secret: machineSecretOf(SENDER) }
    const rotation = { machineId: RECEIVER, previousTokenTtl: 0 }
    await expect(answered(body).getSecretKey(RECEIVER)).rejects.toMatchObject(UNEXPECTED)
    await expect(answered(body).rotateSecretKey(rotation)).rejects.toMatchObject(UNEXPECTED)
    await expect(answered(body).getSecretKey(SENDER)).resolves.toEqual({ secret: body.secret })
    // Clerk's own do not tell.
    const foreign = { object: 'machine_secret_key', secret: 'ak_of-clerk' }
    await expect(answered(foreign).getSecretKey(RECEIVER)).resolves.toEqual({
      secret: 'ak_of-clerk',
    })
  })

  test('a machine whose id is the same but for the case of a letter', async () => {
    const id = RECEIVER.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase())
    expect(id).not.toBe(RECEIVER)
    const answer = answered({ ...MACHINE, id }).get(RECEIVER)
    await expect(answer).rejects.toMatchObject(UNEXPECTED)
  })
})
