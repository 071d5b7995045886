import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeUtf8 } from './utf8.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from './json.ts'

/** The texts of nst/JSONTestSuite, which are read in place and absent in a plain clone. */
const CORPUS = new URL('../../../../../shared/corpora/json-parsing.json', import.meta.url)

const parseBytes = (bytes: Uint8Array): JsonObject | null => {
  const text = decodeUtf8(bytes)
  return text === null ? null : parseJsonObject(text)
}

interface Case {
  readonly name: string
  /** `null` for the two of which only the depth matters: they are made here. */
  readonly base64: string | null
}

const read = (): readonly Case[] =>
  (JSON.parse(readFileSync(CORPUS, 'utf8')) as { readonly cases: readonly Case[] }).cases

const present = existsSync(CORPUS)
const cases = present ? read() : []
const named = (prefix: string): readonly Case[] =>
  cases.filter(({ name }) => name.startsWith(prefix))

const DEEP: Readonly<Record<string, string>> = {
  'n_structure_100000_opening_arrays.json': '['.repeat(100_000),
  'n_structure_open_array_object.json': '[{"":'.repeat(50_000),
}

const bytesOf = ({ name, base64 }: Case): Uint8Array =>
  Uint8Array.from(base64 === null ? Buffer.from(DEEP[name] ?? '') : Buffer.from(base64, 'base64'))

/** As a member of an object, since most of these texts are none themselves. */
const inObject = (one: Case): Uint8Array =>
  Uint8Array.from(Buffer.concat([Buffer.from('{"in":'), bytesOf(one), Buffer.from('}')]))

/** Valid by RFC 8259 §4, which only says that names should be unique; RFC 7515 §4 lets us refuse. */
const isAmbiguous = ({ name }: Case): boolean => name.includes('duplicated_key')

describe.skipIf(!present)(`the JSONTestSuite in ${CORPUS.pathname}`, () => {
  test('is all there', () => {
    expect(cases).toHaveLength(318)
  })

  test('texts that are no JSON are refused, alone and as a member', () => {
    for (const one of named('n_')) {
      expect(parseBytes(bytesOf(one)), one.name).toBeNull()
      expect(parseBytes(inObject(one)), one.name).toBeNull()
    }
  })

  test('texts that are JSON are taken where they are an object that says each name once', () => {
    for (const one of named('y_')) {
      const value: unknown = JSON.parse(Buffer.from(bytesOf(one)).toString())
      const expected = isJsonObject(value) && !isAmbiguous(one) ? value : null
      expect(parseBytes(bytesOf(one)), one.name).toEqual(expected)
      const member = isAmbiguous(one) ? null : { in: value }
      expect(parseBytes(inObject(one)), one.name).toEqual(member)
    }
  })

  test('texts that parsers differ on are taken as JSON.parse takes them, or refused, never thrown', () => {
    for (const one of named('i_')) {
      const value = parseBytes(inObject(one))
      if (value === null) continue
      const text = Buffer.from(inObject(one)).toString()
      expect(value, one.name).toEqual(JSON.parse(text))
      // What is no UTF-8 never comes through with its bytes replaced.
      expect(Buffer.from(text), one.name).toEqual(Buffer.from(inObject(one)))
    }
  })
})

if (!present) test.skip(`SKIPPED: there is no ${CORPUS.pathname}`)
