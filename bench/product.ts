/**
 * Modules of the authority that have no public door: the bench of signing calls what HTTP and storage
 * otherwise surround.
 */
interface AuthorityModules {
  'domain/jwt': typeof import('../packages/authority/src/domain/jwt.ts')
  'vault/sealed-vault': typeof import('../packages/authority/src/vault/sealed-vault.ts')
}

/** A module as it was built. @throws when the packages are not used as they were built. */
export async function authorityModule<Path extends keyof AuthorityModules>(
  path: Path,
): Promise<AuthorityModules[Path]> {
  const url = new URL(`${path}.js`, builtDoor())
  return (await import(url.href)) as AuthorityModules[Path]
}

/** Users get what was built, so that is what is measured. @throws under `--conditions=source`. */
export function mustBeBuilt(): void {
  builtDoor()
}

function builtDoor(): string {
  const door = import.meta.resolve('@countersign/authority')
  if (door.endsWith('.js')) return door
  throw new Error('The packages resolve to their source. Run: npm run bench')
}
