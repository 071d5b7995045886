import { createClerkClient } from '@clerk/backend'
import { createClient } from 'countersign'

/** The examples of docs/emulator.md: compiled, and run as they are by nobody; test/wire/emulator.test.ts does the same. */

const worker = createClerkClient({ apiUrl: 'http://127.0.0.1:4100', machineSecretKey: 'ak_worker' })
const { token } = await worker.m2m.createToken({ claims: { job: 1 } })

const api = createClient({
  apiUrl: 'http://127.0.0.1:4100',
  machineSecretKey: 'ak_api',
  audience: 'mch_2vYVtestapiAAAAAAAAAAAAAAAA',
})

export const { subject } = await api.m2m.verify({ token: token ?? '' })
