import type { Config } from '@react-router/dev/config'

// 8 always has middleware, and refuses the flag that 7 needs for it.
export default {} satisfies Config
