import { type StructuredToolInterface, tool } from '@langchain/core/tools'
import { type AgentToolsOptions, createAgentTools } from './agent-tools.ts'

/**
 * The tools for LangChain: `createAgent({ model, tools: createLangChainTools(options) })`. They answer
 * JSON. A call that is refused throws a `ToolError`, of which LangChain's tool node tells the model.
 *
 * @throws {TypeError} naming the option
 */
export function createLangChainTools(options: AgentToolsOptions): StructuredToolInterface[] {
  const agentTools = createAgentTools(options)
  return agentTools.tools.map(({ name, description, input }) =>
    tool(async (given: unknown) => JSON.stringify(await agentTools.call(name, given)), {
      name,
      description,
      schema: input,
    }),
  )
}
