import { createAiSdkTools } from '@countersign/mcp/ai-sdk'
import { createLangChainTools } from '@countersign/mcp/langchain'
import { generateText, stepCountIs } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { describe, expect, test } from 'vitest'
import { createSetting, type Setting } from './setting.ts'

/** The same tools, as the real packages of two frameworks run them; only the model is one of a test. */

const optionsOf = ({ authority, clock }: Setting) => ({
  apiUrl: authority.url,
  secretKey: authority.secretKey,
  agent: 'assistant',
  clock: () => clock.now(),
})

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}

/** A model that calls these tools, one after the other, and then is done. */
function modelThatCalls(...calls: readonly (readonly [string, object])[]): MockLanguageModelV3 {
  let step = 0
  return new MockLanguageModelV3({
    doGenerate: () => {
      const next = calls[step++]
      return Promise.resolve({
        warnings: [],
        usage,
        finishReason: { unified: next === undefined ? 'stop' : 'tool-calls', raw: undefined },
        content:
          next === undefined
            ? [{ type: 'text' as const, text: 'done' }]
            : [
                {
                  type: 'tool-call' as const,
                  toolCallId: String(step),
                  toolName: next[0],
                  input: JSON.stringify(next[1]),
                },
              ],
      })
    },
  })
}

describe('the AI SDK', () => {
  test('calls the tools that are switched on, and tells the model of a refusal', async () => {
    await using setting = await createSetting()
    const { robot, owner } = setting
    const tools = createAiSdkTools({ ...optionsOf(setting), budget: { calls: 1 } })
    expect(Object.keys(tools)).not.toContain('revoke_token')
    const input = { machineId: robot.id }
    const { steps } = await generateText({
      model: modelThatCalls(['list_scopes', input], ['list_scopes', input]),
      tools,
      prompt: 'What may robot call?',
      stopWhen: stepCountIs(5),
    })
    const [first, second] = steps
    expect(first?.content).toContainEqual(
      expect.objectContaining({
        type: 'tool-result',
        output: expect.objectContaining({ id: robot.id, name: 'robot' }) as object,
      }),
    )
    expect(second?.content).toContainEqual(
      expect.objectContaining({
        type: 'tool-error',
        error: expect.objectContaining({ code: 'budget-exhausted' }) as object,
      }),
    )
    const { data } = await owner.auditLog.list({ actor: 'agent:assistant' })
    expect(data.map(({ details }) => details)).toEqual([{ tool: 'list_scopes' }])
  })
})

describe('LangChain', () => {
  test('calls the tools that are switched on, and answers JSON', async () => {
    await using setting = await createSetting()
    const { robot, owner } = setting
    const tools = createLangChainTools(optionsOf(setting))
    const tool = tools.find(({ name }) => name === 'list_scopes')
    const args = { machineId: robot.id }
    const answer: unknown = await tool?.invoke({ type: 'tool_call', id: '1', name: 'x', args })
    expect(answer).toMatchObject({ tool_call_id: '1', status: 'success' })
    const { content } = answer as { content: string }
    expect(JSON.parse(content)).toMatchObject({ id: robot.id, name: 'robot' })
    await expect(tool?.invoke({ machineId: 'x' })).rejects.toThrow()
    const { data } = await owner.auditLog.list({ actor: 'agent:assistant' })
    expect(data).toHaveLength(1)
  })

  test('is not given what is switched off', async () => {
    await using setting = await createSetting()
    const { robot } = setting
    const named = createLangChainTools({
      ...optionsOf(setting),
      machineSecretKey: robot.secretKey,
      allow: ['mint_token'],
    }).map(({ name }) => name)
    expect(named).toContain('mint_token')
    expect(named).not.toContain('revoke_token')
  })
})
