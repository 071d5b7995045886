import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Exchange, type Load, openLoad, post } from './load.ts'

let server: Server
let load: Load
let answers: number
let connections: number

const exchange: Exchange = {
  request: post('/', {}, '{}'),
  check(status) {
    expect(status).toBe(200)
    answers++
  },
}

beforeEach(async () => {
  answers = 0
  connections = 0
  server = createServer((_, res) => res.setHeader('content-length', '2').end('{}'))
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  load = await openLoad((server.address() as AddressInfo).port, 4)
})

afterEach(() => {
  load.close()
  server.close()
})

it('sends every exchange once, on connections that are kept', async () => {
  await load.run(() => exchange, 0, 10)
  await load.run(() => exchange, 10, 10)
  expect(answers).toBe(20)
  expect(connections).toBe(4)
})

it('goes on after the server has closed connections that rested', async () => {
  await load.run(() => exchange, 0, 4)
  server.closeAllConnections()
  // The client hears of it some turns later.
  const reopened = async (): Promise<number> => {
    await load.reopen()
    return connections
  }
  await expect.poll(reopened).toBe(8)
  await load.run(() => exchange, 0, 10)
  expect(answers).toBe(4 + 10)
})

it('ends with an error, and does not wait, when the server closes connections', async () => {
  await load.run(() => exchange, 0, 4)
  server.closeAllConnections()
  await expect(load.run(() => exchange, 0, 10)).rejects.toThrow()
  await expect(load.run(() => exchange, 0, 10)).rejects.toThrow('closed a connection')
})
