/** `@countersign/mcp`: tools of a Countersign authority, for agents. */
export {
  type AgentTool,
  type AgentTools,
  type AgentToolsOptions,
  createAgentTools,
} from './agent-tools.ts'
export type { BudgetOptions } from './budget.ts'
export type { Json, JsonObject } from './foreign.ts'
export { createMcpFetch, type McpFetchOptions } from './http.ts'
export { createMcpServer, type McpServerSettings } from './server.ts'
export type { ToolName } from './tool.ts'
export { ToolError, type ToolErrorCode } from './tool-error.ts'
