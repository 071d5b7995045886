// Open to all: no token is looked at.
export default defineEventHandler(() => ({ ok: true }))
