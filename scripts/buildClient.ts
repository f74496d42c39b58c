import { join, resolve } from "node:path";
import ts from "typescript5"; // 7 has no programming interface
import { dependencies, license, version } from "../package.json";
import { tell } from "../src/runtime/tell.ts";
import tsconfig from "../tsconfig.json";

// bun run build:client [FOLDER]: `latchkey/client` as a package for other projects, in dist/. They get neither the service's
// sources nor its dependencies: its routes are written out, as the compiler understands them. See docs/client.md.

const root = join(import.meta.dir, "..");
const options = ts.convertCompilerOptionsFromJson(
  tsconfig.compilerOptions,
  root,
  join(root, "tsconfig.json"),
).options;

/** The exported types of clientTypes.ts, each spelt out. */
function typesOfTheService(): string {
  const file = join(import.meta.dir, "clientTypes.ts");
  const program = ts.createProgram([file], options);
  const source = program.getSourceFile(file);
  if (!source) throw new Error(`${file} is missing`);
  const errors = ts.getPreEmitDiagnostics(program, source); // what does not resolve would be `any`, and allow everything
  if (errors.length > 0) throw new Error(ts.formatDiagnostics(errors, ts.createCompilerHost(options)));
  const checker = program.getTypeChecker();
  const { NoTruncation, InTypeAlias, MultilineObjectLiterals } = ts.NodeBuilderFlags;
  const spelling = NoTruncation | InTypeAlias | MultilineObjectLiterals;
  const types = source.statements.filter(ts.isTypeAliasDeclaration).filter((alias) => alias.modifiers);
  return types
    .map((alias) => {
      const type = checker.typeToTypeNode(checker.getTypeAtLocation(alias.name), source, spelling);
      if (!type) throw new Error(`${alias.name.text} can't be spelt out`);
      return `type ${alias.name.text} = ${ts.createPrinter().printNode(ts.EmitHint.Unspecified, type, source)};\n`;
    })
    .join("");
}

const text = await Bun.file(join(root, "src/client.ts")).text();
const source = text.replace(/^import type .* from "\.\/.*\n/gm, ""); // those are what is spelt out
const declared = ts.transpileDeclaration(source, { compilerOptions: options, reportDiagnostics: true });
if (declared.diagnostics?.length)
  throw new Error("src/client.ts: what it exports has to have its type beside it");
const types = `import type { Env, Hono } from "hono";\n${typesOfTheService()}${declared.outputText}`;
if (types.includes("import(")) throw new Error("a type is left that only the service's sources have");

const description = {
  name: "latchkey",
  version,
  description: "The typed client of latchkey",
  license,
  type: "module",
  exports: { "./client": { types: "./client.d.ts", default: "./client.js" } },
  dependencies: { hono: dependencies.hono },
};
const file = resolve(process.argv[2] ?? join(root, "dist"), `latchkey-client-${version}.tgz`);
await Bun.write(
  file,
  await new Bun.Archive(
    {
      "package/package.json": `${JSON.stringify(description, null, 2)}\n`,
      "package/client.d.ts": types,
      "package/client.js": ts.transpileModule(source, { compilerOptions: options }).outputText,
      "package/README.md": await Bun.file(join(root, "docs/client.md")).text(),
    },
    { compress: "gzip" },
  ).bytes(),
);
tell(file);
