import ts from 'typescript'

/** One mention of another module in a source file. */
export interface Import {
  readonly specifier: string
  /** 1-based. */
  readonly line: number
  /** Erased by the compiler, so absent at run time. */
  readonly typeOnly: boolean
}

/**
 * Every module that TypeScript or JavaScript source names: static and dynamic imports, re-exports,
 * and `import('…')` in a type. A dynamic import of a computed name is not seen.
 */
export function importsOf(path: string, text: string): Import[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  const found: Import[] = []

  function visit(node: ts.Node): void {
    const mention = mentionIn(node)
    if (mention !== undefined && ts.isStringLiteralLike(mention.specifier)) {
      const start = mention.specifier.getStart(source)
      found.push({
        specifier: mention.specifier.text,
        line: source.getLineAndCharacterOfPosition(start).line + 1,
        typeOnly: mention.typeOnly,
      })
    }
    ts.forEachChild(node, visit)
  }

  visit(source)
  return found
}

function mentionIn(node: ts.Node): { specifier: ts.Node; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node)) {
    // `import { type A }` is not type-only: verbatimModuleSyntax keeps it as `import {}`.
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    return { specifier: node.moduleSpecifier, typeOnly }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { specifier: node.moduleSpecifier, typeOnly: node.isTypeOnly }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { specifier: node.argument.literal, typeOnly: true }
  }
  const argument = ts.isCallExpression(node) ? node.arguments[0] : undefined
  if (
    argument !== undefined &&
    ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ImportKeyword
  ) {
    return { specifier: argument, typeOnly: false }
  }
  return undefined
}
