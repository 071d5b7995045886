import { tool, type ToolSet } from 'ai'
import { type AgentToolsOptions, createAgentTools } from './agent-tools.ts'

/**
 * The tools for the AI SDK: `generateText({ model, prompt, tools: createAiSdkTools(options) })`. A call
 * that is refused throws a `ToolError`, of which the AI SDK tells the model.
 *
 * @throws {TypeError} naming the option
 */
export function createAiSdkTools(options: AgentToolsOptions): ToolSet {
  const agentTools = createAgentTools(options)
  return Object.fromEntries(
    agentTools.tools.map(({ name, title, description, input, output }) => [
      name,
      tool({
        title,
        description,
        inputSchema: input,
        outputSchema: output,
        execute: (given: unknown) => agentTools.call(name, given),
      }),
    ]),
  )
}
