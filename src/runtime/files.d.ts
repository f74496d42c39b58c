// What `import … with { type: "file" }` gives: a path, also inside of a bundle.
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
declare module "*/tryIt.js" {
  const text: string;
  export default text;
}
// What workerd gives, compiled.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
