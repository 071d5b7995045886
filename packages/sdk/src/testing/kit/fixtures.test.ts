import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useTestAuthority } from './fixtures.ts'
import { loadEngine, type EngineModule } from './engine.ts'

describe('hooks around each test', () => {
  const before: (() => Promise<void>)[] = []
  const outside = useTestAuthority({
    beforeEach: (hook) => before.push(hook),
    afterEach: () => undefined,
  })
  const authority = useTestAuthority({ beforeEach, afterEach })
  const seen: string[] = []

  test.each([1, 2])('give it an authority of its own (%i)', async () => {
    const { client, apiUrl } = authority()
    expect(authority().apiUrl).toBe(apiUrl)
    expect(seen).not.toContain(apiUrl)
    seen.push(apiUrl)
    expect((await client.machines.list()).totalCount).toBe(0)
    await authority().machine('api')
  })

  test('give none to who asks outside of a test', () => {
    expect(before).toHaveLength(1)
    expect(() => outside()).toThrow('within a test')
  })
})

describe('the engine', () => {
  test('is the one that the authority offers', async () => {
    // The types here, and the very module.
    const offered: EngineModule = await import('@countersign/authority/emulator')
    expect(await loadEngine()).toBe(offered)
  })

  test('that is not installed is asked for by name', async () => {
    const loading = loadEngine('@countersign/not-installed')
    await expect(loading).rejects.toMatchObject({ code: 'configuration-invalid' })
    await expect(loading).rejects.toThrow('npm install --save-dev @countersign/authority')
  })

  test('that is broken is not taken for missing', async () => {
    const broken = 'data:text/javascript,throw new RangeError("broken")'
    await expect(loadEngine(broken)).rejects.toThrow('broken')
  })
})
