/** The longest life of a JWT, in seconds: its key, and the list that it is in, must stay as long. */
export const MAX_JWT_SECONDS = 86_400
