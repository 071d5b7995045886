/** Express 4 beside 5: what the tests use of it has the same types. */
declare module 'express-v4' {
  export { default } from 'express'
}
