/** The same of an answer that tells who asked. */
export default defineCachedEventHandler(
  async (event) => {
    const { subject } = await event.context.auth({ acceptsToken: 'm2m_token' })
    return { subject }
  },
  { maxAge: 60 },
)
