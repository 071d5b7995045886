import { BUNDLED, bundleForWeb } from '../bundle.ts'
import type { Row } from './row.ts'

/** What a verifier adds to a bundle for the web. */
export const bundleSize: Row = {
  name: 'bundle-size',
  async *measure() {
    const ours = await bundleForWeb('countersign createVerifier', BUNDLED.ours)
    if (ours.nodeModules.length > 0) {
      throw new Error(`The bundle for the web reaches ${ours.nodeModules.join(', ')}.`)
    }
    yield {
      title: 'a verifier in a bundle for the web, without what it loads to check a status',
      peer: await bundleForWeb('jose jwtVerify, createRemoteJWKSet', BUNDLED.jose),
      ours,
      part: 'first',
    }
    yield {
      title: 'a verifier in a bundle for the web, with all that a status takes',
      peer: await bundleForWeb('jose, @sd-jwt/jwt-status-list', BUNDLED.joseWithStatus),
      ours,
      part: 'whole',
    }
  },
}
